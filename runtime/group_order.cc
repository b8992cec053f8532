#include "evengrad/runtime/group_order.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace evengrad {

GroupOrder::GroupOrder(const Graph& graph)
    : inputs_(graph.num_nodes()),
      readers_(graph.num_nodes()),
      group_of_(graph.num_nodes()),
      members_(graph.num_nodes()),
      place_(graph.num_nodes()),
      seen_(graph.num_nodes(), 0) {
  std::iota(group_of_.begin(), group_of_.end(), 0);
  std::iota(place_.begin(), place_.end(), 0);
  for (int id = 0; id < graph.num_nodes(); ++id) {
    members_[id] = {id};
    const Node node = graph.node(id);
    for (int i = 0; i < node.num_inputs(); ++i) {
      inputs_[id].push_back(node.input_id(i).node);
      readers_[node.input_id(i).node].push_back(id);
    }
  }
}

void GroupOrder::NextSearch() { ++search_; }

std::vector<int> GroupOrder::Ancestors(int group, int lowest, int except) {
  NextSearch();
  std::vector<int> found;
  auto visit = [&](int member_group) {
    for (int node : members_[member_group]) {
      for (int input : inputs_[node]) {
        const int next = GroupOf(input);
        if (next == group || next == except || place_[next] <= lowest ||
            std::exchange(seen_[next], search_) == search_) {
          continue;
        }
        found.push_back(next);
      }
    }
  };
  visit(group);
  for (size_t i = 0; i < found.size(); ++i) visit(found[i]);
  return found;
}

std::vector<int> GroupOrder::Descendants(int group, int highest, int except) {
  NextSearch();
  std::vector<int> found;
  auto visit = [&](int member_group) {
    for (int node : members_[member_group]) {
      for (int reader : readers_[node]) {
        const int next = GroupOf(reader);
        if (next == group || next == except || place_[next] >= highest ||
            std::exchange(seen_[next], search_) == search_) {
          continue;
        }
        found.push_back(next);
      }
    }
  };
  visit(group);
  for (size_t i = 0; i < found.size(); ++i) visit(found[i]);
  return found;
}

bool GroupOrder::HasDetour(int from_node, int to_node) {
  const int from = GroupOf(from_node);
  const int to = GroupOf(to_node);
  // A path from one to the other passes groups whose places lie between.
  for (int between : Ancestors(to, place_[from], from)) {
    for (int node : members_[between]) {
      for (int input : inputs_[node]) {
        if (GroupOf(input) == from) return true;
      }
    }
  }
  return false;
}

// What `to` depends on moves before the merged group, what depends on `from`
// behind it; all of these keep their order, and share the places they have.
void GroupOrder::Merge(int from_node, int to_node) {
  const int from = GroupOf(from_node);
  const int to = GroupOf(to_node);
  std::vector<int> before = Ancestors(to, place_[from], from);
  std::vector<int> after;
  if (!before.empty()) after = Descendants(from, place_[to], to);
  auto by_place = [&](int a, int b) { return place_[a] < place_[b]; };
  std::sort(before.begin(), before.end(), by_place);
  std::sort(after.begin(), after.end(), by_place);
  std::vector<int> sequence = before;
  sequence.push_back(from);
  sequence.insert(sequence.end(), after.begin(), after.end());
  std::vector<int> places;
  for (int group : sequence) places.push_back(place_[group]);
  std::sort(places.begin(), places.end());
  for (size_t i = 0; i < sequence.size(); ++i) place_[sequence[i]] = places[i];
  for (int node : members_[to]) group_of_[node] = from;
  members_[from].insert(members_[from].end(), members_[to].begin(),
                        members_[to].end());
  members_[to].clear();
}

}  // namespace evengrad
