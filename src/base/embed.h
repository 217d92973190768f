/* base/embed.h - a file of data/ as bytes of the program: IN_BINARY(words, "words.txt") gives words and words_end.
 *
 * Include the generated base_data.h too where the file is one of its list, so that a change compiles the C file anew. */
#pragma once

#define IN_BINARY(name, file)                                                                  \
    __asm__(".pushsection .rodata\n.balign 16\n" #name ":\n.incbin \"" KITH_DEMO_DATA "/" file \
            "\"\n" #name "_end:\n.byte 0\n.popsection\n");                                     \
    extern const char name[] __asm__(#name), name##_end[] __asm__(#name "_end")
#define IN_BINARY_STR(name) ((str){name, (size_t)(name##_end - name)})
