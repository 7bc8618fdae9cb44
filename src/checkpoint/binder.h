#pragma once
// How layers take their weights out of a checkpoint.
//
//   WeightStore store;                                   // lives as long as the network
//   Binder root(checkpoint, store, "model", ctx.placement());
//   Binder block = root.scope("double_blocks", 0);       // "model.double_blocks.0."
//   Tensor w = block.take("img_attn.qkv.weight", {3072, 1024});
//   ...
//   root.finish();   // one Error naming all that is missing, left over, mis-shaped, not finite
//
// A bundle whose networks are loaded one after the other is bound with one Binder and one
// WeightStore a component; check_components() finds what belongs to none of them.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "core/accelerator.h"
#include "core/buffer.h"
#include "core/tensor.h"

namespace sinter::checkpoint {

/// Owner of the converted weights and of their names. Tensors taken through a Binder point into it
/// and need neither the Binder nor the Checkpoint any more. Destroying it frees the memory, which
/// on an accelerator must come before that goes. Move only; moving it does not move the weights.
class WeightStore {
 public:
  WeightStore() = default;
  WeightStore(WeightStore&&) = default;
  WeightStore& operator=(WeightStore&&) = default;

  std::size_t bytes() const;
  std::size_t tensors() const { return blocks_.size(); }

  /// New uninitialised memory that lives as long as the store: f32 on the host, or as the placement
  /// says. The name is copied.
  Tensor allocate(const Shape& shape, std::string_view name, const Placement& placement = {});
  /// A copy of the name that lives as long as the store.
  std::string_view keep_name(std::string_view name);

 private:
  std::vector<Buffer> blocks_;
  std::deque<std::string> names_;  // a deque never moves its elements, so views stay valid
};

/// A position in the tree of names. A small value: scopes share the record of what was taken and
/// what went wrong. Not thread-safe; the conversion inside take() is parallel.
class Binder {
 public:
  /// Names are looked up as `prefix` + "." + name; an empty prefix means the whole checkpoint.
  /// `store` must outlive every Binder made from this one, and every tensor taken.
  /// `poll`, where set, is called after each tensor that take() converted; to stop, it throws.
  Binder(Checkpoint checkpoint,
         WeightStore& store,
         std::string_view prefix = {},
         const Placement& placement = {},
         std::function<void()> poll = {});

  /// The subtree "<part>." or "<part>.<index>.".
  Binder scope(std::string_view part) const;
  Binder scope(std::string_view part, std::int64_t index) const;

  /// The same position; of layers bound through it, weights are e4m3 where Placement::fp8 allows
  /// it.
  Binder reduced() const;

  /// True where the checkpoint holds "<prefix><name>".
  bool has(std::string_view name) const;
  /// True where the checkpoint holds any tensor below "<prefix><part>.".
  bool has_scope(std::string_view part) const;
  /// Where the weights belong; layers that pack their own obey it. `fp8` is set in reduced() alone.
  Placement placement() const;
  /// The full name in the checkpoint.
  std::string full_name(std::string_view name) const;

  /// The tensor in the store, where placement() says and in its type: any floating dtype is
  /// converted, to f32 exactly where the type allows. Taking one name twice gives the same memory.
  ///
  /// Never raises for a wrong checkpoint: a missing, mis-shaped, non-floating or non-finite tensor
  /// is recorded for finish(), and the result has the expected shape but `defined()` is false. So
  /// a constructor stores what it takes and reads a weight's data only if it is defined(). Out of
  /// an outline (Checkpoint::outline()) every tensor comes like that, without a problem.
  Tensor take(std::string_view name, const Shape& expected) const;
  /// As take(), always f32 on the host: what a layer computes with while it is bound, or hands to a
  /// device later.
  Tensor take_on_host(std::string_view name, const Shape& expected) const;
  /// As take(), but a missing tensor is no problem: the result is then not defined().
  Tensor take_optional(std::string_view name, const Shape& expected) const;
  /// The mapped bytes as they are, any dtype, marked as taken; null where missing or mis-shaped
  /// (recorded for finish()). Valid while a copy of the checkpoint lives; at the second take after
  /// this one they stop counting as resident memory (MappedFile::drop_pages()), so a layer that
  /// packs its weight and bias before the next layer takes its own never holds the file in memory
  /// as well.
  const TensorEntry* take_raw(std::string_view name, const Shape& expected) const;

  /// Marks as taken, without reading, what this network knows and does not use: the name itself and
  /// everything below "<prefix><name>.".
  void skip(std::string_view name) const;

  /// Records a problem of the caller's own, to be reported by finish().
  void add_problem(const std::string& problem) const;

  /// What was asked for and is not there, below any prefix: full names, each with the shape wanted
  /// first. Bound to an empty outline, a network so tells all its tensors.
  const std::map<std::string, Shape>& absent() const;

  /// Raises one ErrorCode::corrupt that lists by name everything wrong below this prefix: missing,
  /// mis-shaped, of a non-floating dtype, not finite, and whatever nobody took. `may_remain` (names
  /// below this prefix; "encoder" covers "encoder" and "encoder.*") need not have been taken.
  void finish(std::initializer_list<std::string_view> may_remain = {}) const;
  void finish(const std::vector<std::string>& may_remain) const;

 private:
  struct State;
  Binder(std::shared_ptr<State> state, std::string prefix, bool reduced);

  std::shared_ptr<State> state_;
  std::string prefix_;  // empty, or ending with a dot
  bool reduced_ = false;
};

/// Names of the checkpoint that are neither one of the components ("model", "vae", ...) nor below
/// one.
std::vector<std::string> names_outside(const Checkpoint& checkpoint,
                                       const std::vector<std::string>& components);

/// Raises ErrorCode::corrupt where names_outside() is not empty, listing them.
void check_components(const Checkpoint& checkpoint, const std::vector<std::string>& components);

}  // namespace sinter::checkpoint
