// A picture of a program for Graphviz (the DOT language).
#ifndef EVENGRAD_FORMATS_GRAPH_DOT_H_
#define EVENGRAD_FORMATS_GRAPH_DOT_H_

#include <string>

#include "evengrad/formats/graph_picture.h"
#include "evengrad/graph/export.h"

namespace evengrad {

// A cluster a layer, with one for its forward pass, its gradient and its update
// side by side; colours by pass and role. Gradients stand beside what they are
// the gradient of, so the forward pass is read downwards and the gradient
// upwards. A kernel of a compiled program is one box with the ops it runs.
// Numbers that are constants stand in the boxes that read them; what only the
// first values of states are computed from is left out. Long names are cut; the
// tooltip has them whole.
EVENGRAD_EXPORT std::string PrintGraphDot(const GraphPicture& picture);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_GRAPH_DOT_H_
