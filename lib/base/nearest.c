/* SPDX-License-Identifier: Apache-2.0 */
#include "base/nearest.h"

enum { LONGEST = 64 };

size_t nearest_distance(struct text a, struct text b)
{
    size_t row[LONGEST + 1];
    if (a.len > LONGEST || b.len > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replaced = diagonal + (ascii_lower(a.ptr[i - 1]) != ascii_lower(b.ptr[j - 1]));
            size_t edited = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replaced < edited ? replaced : edited;
        }
    }
    return row[b.len];
}
