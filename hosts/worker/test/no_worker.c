/* SPDX-License-Identifier: MIT */
/* A program that is no worker: it ends well and has reported nothing. */
int main(void) {
    return 0;
}
