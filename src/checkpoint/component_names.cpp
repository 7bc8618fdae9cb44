#include "checkpoint/component_names.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "checkpoint/problems.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

/// Where a network is found: below one of these prefixes stands one of these tensors.
struct Network {
  std::string_view official;
  std::span<const std::string_view> markers;
  std::span<const std::string_view> elsewhere;  // in the order in which they are tried
};

constexpr std::array<std::string_view, 2> kTransformerMarkers = {"latent_in.weight",
                                                                 "x_embedder.weight"};
constexpr std::array<std::string_view, 6> kTransformerElsewhere = {
    "model.diffusion_model.", "diffusion_model.", "model.model.", "net.", "transformer.", ""};
constexpr std::array<std::string_view, 1> kVaeMarkers = {"post_kl.weight"};
constexpr std::array<std::string_view, 2> kVaeElsewhere = {"first_stage_model.", "shape_vae."};
constexpr std::array<std::string_view, 1> kEncoderMarkers = {
    "embeddings.patch_embeddings.projection.weight"};
constexpr std::array<std::string_view, 6> kEncoderElsewhere = {
    "cond_stage_model.main_image_encoder.model.",
    "main_image_encoder.model.",
    "conditioner.",
    "clip_vision.",
    "image_encoder.",
    ""};

constexpr std::array<Network, 3> kNetworks = {{
    {kTransformerPrefix, kTransformerMarkers, kTransformerElsewhere},
    {kVaePrefix, kVaeMarkers, kVaeElsewhere},
    {kEncoderPrefix, kEncoderMarkers, kEncoderElsewhere},
}};

/// What wrappers of a whole training run put in front of everything (DeepSpeed, DataParallel).
constexpr std::array<std::string_view, 2> kWrappers = {"_forward_module.", "module."};

bool has(const std::vector<TensorEntry>& entries, const std::string& name) {
  const auto it = std::lower_bound(
      entries.begin(), entries.end(), name, [](const TensorEntry& entry, const std::string& key) {
        return entry.name < key;
      });
  return it != entries.end() && it->name == name;
}

bool stands_below(const std::vector<TensorEntry>& entries,
                  const Network& network,
                  std::string_view prefix) {
  return std::any_of(network.markers.begin(), network.markers.end(), [&](std::string_view marker) {
    return has(entries, cat(prefix, marker));
  });
}

void sort(std::vector<TensorEntry>& entries) {
  std::sort(
      entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
}

void strip_wrappers(std::vector<TensorEntry>& entries, std::vector<std::string>& notes) {
  for (const std::string_view wrapper : kWrappers) {
    const bool everywhere = !entries.empty() && entries.front().name.starts_with(wrapper) &&
                            entries.back().name.starts_with(wrapper);
    if (!everywhere) continue;  // sorted: what the first and the last share, all share
    for (TensorEntry& entry : entries) entry.name.erase(0, wrapper.size());
    notes.push_back(cat(wrapper, "* is read as *"));
  }
}

/// The prefix below which the network stands, where it is not the official one.
std::optional<std::string_view> foreign_prefix(const std::vector<TensorEntry>& entries,
                                               const Network& network) {
  if (stands_below(entries, network, network.official)) return {};
  for (const std::string_view prefix : network.elsewhere) {
    if (stands_below(entries, network, prefix)) return prefix;
  }
  return {};
}

}  // namespace

std::vector<std::string> use_official_names(std::vector<TensorEntry>& entries,
                                            std::string_view label) {
  std::vector<std::string> notes;
  sort(entries);
  strip_wrappers(entries, notes);
  struct Renaming {
    std::string_view from, to;
  };
  std::vector<Renaming> renamings;
  std::vector<std::string_view> named;  // prefixes that belong to some network
  for (const Network& network : kNetworks) {
    named.push_back(network.official);
    const auto prefix = foreign_prefix(entries, network);
    if (!prefix) continue;
    renamings.push_back({*prefix, network.official});
    if (!prefix->empty()) named.push_back(*prefix);
    notes.push_back(cat(*prefix, "* is read as ", network.official, "*"));
  }
  if (renamings.empty()) return notes;

  // a network without a prefix has every name that is nobody else's
  const auto is_named = [&](const std::string& name) {
    return std::any_of(named.begin(), named.end(), [&](std::string_view prefix) {
      return name.starts_with(prefix);
    });
  };
  for (TensorEntry& entry : entries) {
    for (const Renaming& renaming : renamings) {
      const bool below =
          renaming.from.empty() ? !is_named(entry.name) : entry.name.starts_with(renaming.from);
      if (!below) continue;
      entry.name.replace(0, renaming.from.size(), renaming.to);
      break;
    }
  }
  sort(entries);
  for (std::size_t i = 1; i < entries.size(); ++i) {
    SINTER_CHECK(entries[i].name != entries[i - 1].name,
                 ErrorCode::corrupt,
                 "[checkpoint] ",
                 label,
                 ": two tensors for ",
                 printable(entries[i].name),
                 ", under names of different programs");
  }
  return notes;
}

}  // namespace sinter::checkpoint
