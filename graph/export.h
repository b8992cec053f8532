// EVENGRAD_EXPORT marks what the shared library shows; everything else is
// hidden.
#ifndef EVENGRAD_GRAPH_EXPORT_H_
#define EVENGRAD_GRAPH_EXPORT_H_

#if defined(_WIN32)
#define EVENGRAD_EXPORT
#else
#define EVENGRAD_EXPORT __attribute__((visibility("default")))
#endif

#endif  // EVENGRAD_GRAPH_EXPORT_H_
