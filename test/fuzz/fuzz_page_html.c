/* SPDX-License-Identifier: Apache-2.0 */
#include "pages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_page("text/html", (struct text){(const char *)data, size});
    return 0;
}
