/* Memory that is released as a whole when the call that the host made is over. Part of guardhouse.c. */
#ifndef GUARDHOUSE_ARENA_C
#define GUARDHOUSE_ARENA_C

#include "guardhouse_export.h"
#include "guardhouse_trap.c"

#include <stdlib.h>

/** The first block is part of the plugin's memory: a call that needs no more allocates nothing. */
#define GH_FIRST_BLOCK (16 * 1024)

/** Each block is twice as large as the one before, up to this. What needs more has a block of just its size. */
#define GH_LARGEST_BLOCK (1024 * 1024)

/** A block of memory, filled from its front. */
typedef struct gh_block {
    struct gh_block *before;
    char *data;
    size_t size;
    size_t used;
} gh_block;

static _Alignas(max_align_t) char gh_first_data[GH_FIRST_BLOCK];
static gh_block gh_first_block = {NULL, gh_first_data, GH_FIRST_BLOCK, 0};
static gh_block *gh_last_block = &gh_first_block;

/** What is kept: all that lies before this place. */
static gh_block *gh_kept_block = &gh_first_block;
static size_t gh_kept;

/** Puts a block for at least `size` bytes in front. */
static void gh_add_block(size_t size) {
    size_t data_size = gh_last_block->size < GH_LARGEST_BLOCK / 2 ? gh_last_block->size * 2 : GH_LARGEST_BLOCK;
    if (data_size < size)
        data_size = size;
    gh_block *block = data_size < SIZE_MAX / 4 ? malloc(sizeof *block + _Alignof(max_align_t) + data_size) : NULL;
    if (block == NULL)
        gh_trap(); /* without a message: if it is the host that asks for memory, it takes none now */
    uintptr_t behind = (uintptr_t)(block + 1);
    size_t padding = -behind % _Alignof(max_align_t);
    *block = (gh_block){gh_last_block, (char *)(block + 1) + padding, data_size, 0};
    gh_last_block = block;
}

void *gh_alloc(size_t size) {
    size_t start = (gh_last_block->used + _Alignof(max_align_t) - 1) & -_Alignof(max_align_t);
    if (start > gh_last_block->size || size > gh_last_block->size - start) {
        gh_add_block(size);
        start = 0;
    }
    gh_last_block->used = start + size;
    return gh_last_block->data + start;
}

/** Memory of this call for `count` texts, not set; never NULL. */
static gh_string *gh_alloc_strings(size_t count) {
    if (count > SIZE_MAX / sizeof(gh_string))
        gh_trap();
    return gh_alloc(count * sizeof(gh_string));
}

void gh_release(void) {
    while (gh_last_block != gh_kept_block) {
        gh_block *block = gh_last_block;
        gh_last_block = block->before;
        free(block);
    }
    gh_last_block->used = gh_kept;
}

void gh_keep(void) {
    gh_kept_block = gh_last_block;
    gh_kept = gh_last_block->used;
}

/** How the host asks for memory to write strings and lists into. */
GH_ABI_EXPORT(GH_ABI_REALLOC)
void *gh_abi_realloc(void *old, size_t old_size, size_t alignment, size_t size) {
    (void)alignment;
    char *data = gh_alloc(size);
    if (old_size > 0)
        memcpy(data, old, old_size < size ? old_size : size);
    return data;
}

#endif
