#include "checkpoint/binder.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "checkpoint/convert.h"
#include "checkpoint/problems.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

bool is_below(std::string_view name, std::string_view scope) {
  return name.starts_with(scope) && (name.size() == scope.size() || name[scope.size()] == '.');
}

std::string missing(const std::string& name, const Shape& expected) {
  return cat("missing ", printable(name), " ", expected);
}

}  // namespace

std::size_t WeightStore::bytes() const {
  std::size_t total = 0;
  for (const Buffer& block : blocks_) total += block.size();
  return total;
}

std::string_view WeightStore::keep_name(std::string_view name) {
  return names_.emplace_back(name);
}

Tensor WeightStore::allocate(const Shape& shape,
                             std::string_view name,
                             const Placement& placement) {
  const auto count = static_cast<std::size_t>(shape.elements());
  Accelerator* const accelerator = placement.accelerator;
  const DType dtype = accelerator != nullptr ? placement.dtype : DType::f32;
  // never zero bytes: a tensor without elements is still defined()
  blocks_.emplace_back(std::max<std::size_t>(1, count) * size_of(dtype), accelerator);
  const Device device = accelerator != nullptr ? accelerator->device() : Device::cpu;
  return {blocks_.back().data(), dtype, device, shape, keep_name(name)};
}

struct Binder::State {
  State(Checkpoint source,
        WeightStore& owner,
        const Placement& where,
        std::function<void()> after_tensor)
      : checkpoint(std::move(source)),
        store(owner),
        placement(where),
        poll(std::move(after_tensor)),
        taken(checkpoint.entries().size()),
        converted(checkpoint.entries().size()),
        placed(checkpoint.entries().size()) {}

  Checkpoint checkpoint;
  WeightStore& store;
  Placement placement;
  std::function<void()> poll;
  // by entry
  std::vector<char> taken;
  std::vector<Tensor> converted;  // f32, on the host
  std::vector<Tensor> placed;     // on the accelerator
  struct Problem {
    std::string scope;  // the full name, or the prefix, that it belongs to
    std::string text;
  };
  std::vector<Problem> problems;
  std::map<std::string, Shape> absent;
  std::set<std::string, std::less<>> reported;  // texts, so that nothing is listed twice
  std::deque<const TensorEntry*> raw;           // the last ones, whose pages may be resident

  std::size_t index_of(const TensorEntry& entry) const {
    return static_cast<std::size_t>(&entry - checkpoint.entries().data());
  }
  void add(const std::string& scope, std::string text) {
    if (reported.insert(text).second) problems.push_back({scope, std::move(text)});
  }
  /// Drops the pages of all but the `keep` last tensors that were taken raw.
  void drop_raw(std::size_t keep) {
    for (; raw.size() > keep; raw.pop_front()) checkpoint.drop_pages(*raw.front());
  }
  const TensorEntry* find(const std::string& name, const Shape& expected);
  /// find(), and null with the reason recorded for a dtype that is no floating-point type.
  const TensorEntry* find_floating(const std::string& name, const Shape& expected);
  bool convert(const TensorEntry& entry, const Tensor& target);
  Tensor on_host(const TensorEntry& entry);
  Tensor on_accelerator(const TensorEntry& entry);
};

/// The entry, marked as taken, or null with the reason recorded.
const TensorEntry* Binder::State::find(const std::string& name, const Shape& expected) {
  drop_raw(1);
  const TensorEntry* entry = checkpoint.find(name);
  if (entry == nullptr) {
    absent.emplace(name, expected);
    add(name, missing(name, expected));
    return nullptr;
  }
  taken[index_of(*entry)] = 1;
  if (entry->shape != expected) {
    add(name, cat(printable(name), ": expected ", expected, ", got ", entry->shape));
    return nullptr;
  }
  checkpoint.produce(*entry);
  return entry;
}

const TensorEntry* Binder::State::find_floating(const std::string& name, const Shape& expected) {
  const TensorEntry* entry = find(name, expected);
  if (entry == nullptr || is_floating(entry->dtype)) return entry;
  add(name, cat(printable(name), ": expected a floating dtype, got ", to_string(entry->dtype)));
  return nullptr;
}

/// Fills f32 memory on the host; false, with the reason recorded, where an element is not a finite
/// number.
bool Binder::State::convert(const TensorEntry& entry, const Tensor& target) {
  const std::int64_t bad = convert_weights(
      entry.bytes.data(), entry.dtype, target.f32_mut(), entry.elements(), placement.threads);
  checkpoint.drop_pages(entry);
  if (poll) poll();
  if (bad < 0) return true;
  add(entry.name,
      cat(printable(entry.name), ": infinite or not a number at ", coordinates(bad, entry.shape)));
  return false;
}

Tensor Binder::State::on_host(const TensorEntry& entry) {
  Tensor& tensor = converted[index_of(entry)];
  if (tensor.defined() || !checkpoint.has_data()) return tensor;
  const Tensor target = store.allocate(entry.shape, entry.name);
  if (convert(entry, target)) tensor = target;
  return tensor;
}

Tensor Binder::State::on_accelerator(const TensorEntry& entry) {
  Tensor& tensor = placed[index_of(entry)];
  if (tensor.defined() || !checkpoint.has_data()) return tensor;
  std::vector<float> values(std::max<std::size_t>(1, static_cast<std::size_t>(entry.elements())));
  const Tensor host{values.data(), DType::f32, Device::cpu, entry.shape, entry.name};
  if (!convert(entry, host)) return {};
  tensor = store.allocate(entry.shape, entry.name, placement);
  placement.accelerator->upload(host, tensor);
  return tensor;
}

Binder::Binder(Checkpoint checkpoint,
               WeightStore& store,
               std::string_view prefix,
               const Placement& placement,
               std::function<void()> poll)
    : state_(std::make_shared<State>(std::move(checkpoint), store, placement, std::move(poll))),
      prefix_(prefix) {
  if (!prefix_.empty() && !prefix_.ends_with('.')) prefix_ += '.';
}

Binder::Binder(std::shared_ptr<State> state, std::string prefix, bool reduced)
    : state_(std::move(state)), prefix_(std::move(prefix)), reduced_(reduced) {}

Binder Binder::scope(std::string_view part) const {
  return Binder(state_, cat(prefix_, part, "."), reduced_);
}

Binder Binder::scope(std::string_view part, std::int64_t index) const {
  return Binder(state_, cat(prefix_, part, ".", index, "."), reduced_);
}

Binder Binder::reduced() const {
  return Binder(state_, prefix_, true);
}

bool Binder::has(std::string_view name) const {
  return state_->checkpoint.find(full_name(name)) != nullptr;
}

bool Binder::has_scope(std::string_view part) const {
  return !state_->checkpoint.with_prefix(full_name(part) + ".").empty();
}

Placement Binder::placement() const {
  Placement placement = state_->placement;
  placement.fp8 = placement.fp8 && reduced_;
  return placement;
}

std::string Binder::full_name(std::string_view name) const {
  return prefix_ + std::string(name);
}

Tensor Binder::take(std::string_view name, const Shape& expected) const {
  if (state_->placement.accelerator == nullptr) return take_on_host(name, expected);
  const std::string full = full_name(name);
  const TensorEntry* entry = state_->find_floating(full, expected);
  const Tensor tensor = entry != nullptr ? state_->on_accelerator(*entry) : Tensor{};
  if (tensor.defined()) return tensor;
  const Placement& placement = state_->placement;
  return {nullptr,
          placement.dtype,
          placement.accelerator->device(),
          expected,
          state_->store.keep_name(full)};
}

Tensor Binder::take_on_host(std::string_view name, const Shape& expected) const {
  const std::string full = full_name(name);
  const TensorEntry* entry = state_->find_floating(full, expected);
  const Tensor tensor = entry != nullptr ? state_->on_host(*entry) : Tensor{};
  if (tensor.defined()) return tensor;
  return {nullptr, DType::f32, Device::cpu, expected, state_->store.keep_name(full)};
}

Tensor Binder::take_optional(std::string_view name, const Shape& expected) const {
  return has(name) ? take(name, expected) : Tensor{};
}

const TensorEntry* Binder::take_raw(std::string_view name, const Shape& expected) const {
  const TensorEntry* entry = state_->find(full_name(name), expected);
  if (entry != nullptr) state_->raw.push_back(entry);
  return entry;
}

void Binder::skip(std::string_view name) const {
  const std::string full = full_name(name);
  for (const TensorEntry& entry : state_->checkpoint.with_prefix(full)) {
    if (is_below(entry.name, full)) state_->taken[state_->index_of(entry)] = 1;
  }
}

void Binder::add_problem(const std::string& problem) const {
  state_->add(prefix_, problem);
}

const std::map<std::string, Shape>& Binder::absent() const {
  return state_->absent;
}

void Binder::finish(std::initializer_list<std::string_view> may_remain) const {
  finish(std::vector<std::string>(may_remain.begin(), may_remain.end()));
}

void Binder::finish(const std::vector<std::string>& may_remain) const {
  state_->drop_raw(0);
  Problems problems;
  for (const State::Problem& problem : state_->problems) {
    if (problem.scope.starts_with(prefix_)) problems.add(problem.text);
  }
  for (const TensorEntry& entry : state_->checkpoint.with_prefix(prefix_)) {
    const std::string_view name = std::string_view(entry.name).substr(prefix_.size());
    const bool known = state_->taken[state_->index_of(entry)] != 0 ||
                       std::any_of(may_remain.begin(),
                                   may_remain.end(),
                                   [&](const std::string& scope) { return is_below(name, scope); });
    if (!known) problems.add(cat("unused ", printable(entry.name), " ", entry.shape));
  }
  problems.raise(state_->checkpoint.path());
}

std::vector<std::string> names_outside(const Checkpoint& checkpoint,
                                       const std::vector<std::string>& components) {
  std::vector<std::string> outside;
  for (const TensorEntry& entry : checkpoint.entries()) {
    const bool known =
        std::any_of(components.begin(), components.end(), [&](const std::string& component) {
          return is_below(entry.name, component);
        });
    if (!known) outside.push_back(entry.name);
  }
  return outside;
}

void check_components(const Checkpoint& checkpoint, const std::vector<std::string>& components) {
  Problems problems;
  for (const std::string& name : names_outside(checkpoint, components)) {
    problems.add(cat("unused ", printable(name), " ", checkpoint.find(name)->shape));
  }
  problems.raise(checkpoint.path());
}

}  // namespace sinter::checkpoint
