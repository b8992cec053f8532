// To which pass and layer of a picture each node belongs.
#ifndef EVENGRAD_FORMATS_PICTURE_LAYERS_H_
#define EVENGRAD_FORMATS_PICTURE_LAYERS_H_

#include "evengrad/formats/graph_picture.h"
#include "evengrad/runtime/program.h"

namespace evengrad {

// Sets PictureNode::pass, for nodes that are described otherwise.
void SetPasses(const Program& program, GraphPicture& picture);

// Sets picture.layers and PictureNode::layer; needs the passes.
void SetLayers(const Program& program, GraphPicture& picture);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_PICTURE_LAYERS_H_
