/* How the program's allocator treats memory that is free: it goes back to the system at once, also
 * when nobody asks for more, so that a server at rest holds what it uses. Linked into the program
 * alone; whoever sets the allocator's own variables is obeyed. */

#include <mimalloc.h>
#include <stdlib.h>

static void prefer(const char *variable, mi_option_t option, long value) {
  if (getenv(variable) == NULL) {
    mi_option_set(option, value);
  }
}

__attribute__((constructor)) static void pocketshift_allocator(void) {
  prefer("MIMALLOC_PURGE_DELAY", mi_option_purge_delay, 0);
  /* Pages that are full are not kept at hand, and more of the others are looked at for room. */
  prefer("MIMALLOC_PAGE_FULL_RETAIN", mi_option_page_full_retain, 0);
  prefer("MIMALLOC_PAGE_MAX_CANDIDATES", mi_option_page_max_candidates, 16);
}
