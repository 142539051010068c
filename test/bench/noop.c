/* SPDX-License-Identifier: Apache-2.0 */
/* Does nothing: linked statically, it is the least that a spawn costs, and the COMMAND of the boots that are
 * timed. */

int main(void)
{
    return 0;
}
