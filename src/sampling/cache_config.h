#pragma once
// What a cache configuration asks for: which steps of a run are not evaluated by the network, and
// what stands in for them.
//
// The file is the `cache_config.json` of the CANN recipes for Hunyuan3D, with two extensions of our
// own: the method EasyCache, and the object `sinter` (docs/cache.md lists every key). Methods:
// FBCache: chengzeyi/ParaAttention. TeaCache: Liu et al., arXiv 2411.19108. TaylorSeer: Liu et al.,
// arXiv 2503.06923. EasyCache: Zhou et al., arXiv 2507.02860.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sinter::sampling {

enum class CacheMethod : std::uint8_t {
  none,         ///< NoCache: every step is computed
  first_block,  ///< FBCache: the change of the first block's residual decides
  tea,          ///< TeaCache: the accumulated change of the modulated input decides
  easy,         ///< EasyCache: the accumulated change of the latents decides
  taylor,       ///< TaylorSeer: a schedule; between computed steps a forecast
};

enum class Granularity : std::uint8_t {
  module,    ///< what attention and MLP of each block give, of the latent tokens, before the gates:
             ///< gates and the head follow the time
  trunk,     ///< what the blocks give, of the latent tokens: the head runs in every step
  velocity,  ///< what the network gives, after guidance: a forecast step costs no network at all
};

enum class Basis : std::uint8_t {
  taylor,   ///< the reference's ladder of differences, all over the latest gap
  newton,   ///< the polynomial through the latest snapshots, whatever their gaps
  hermite,  ///< the ladder with contracted Hermite polynomials (HiCache, contraction 0.5)
};

enum class Abscissa : std::uint8_t { step, sigma };
enum class Reference : std::uint8_t { last_computed, previous_step };
enum class HistoryType : std::uint8_t { automatic, fp32, fp16, bf16 };
enum class DecisionPlace : std::uint8_t { automatic, host, device, schedule };

/// What a polynomial or schedule was made from, to be compared with the run that uses it.
struct CacheCalibration {
  std::string model;  ///< SHA-256 of the checkpoint
  int steps = 0;
  double guidance = 0;
  std::string solver;
};

struct CacheConfig {
  CacheMethod method = CacheMethod::none;
  std::string file;  ///< what messages call it

  double threshold = 0;              ///< the dynamic methods: reuse below it
  std::vector<double> coefficients;  ///< tea: highest power first
  int warmup = 0;                    ///< first steps, always computed
  int cutoff = 0;                    ///< last steps, always computed
  int order = 0;                     ///< taylor: of the forecast
  int period = 1;                    ///< taylor: one computed step in so many
  bool offload = false;              ///< taylor: keep what is kept in the host's memory

  Granularity granularity = Granularity::trunk;
  Basis basis = Basis::newton;
  Abscissa abscissa = Abscissa::step;
  std::optional<std::vector<int>> schedule;  ///< the computed steps, ascending, 0 first
  std::optional<int> schedule_steps;         ///< N that `schedule` was made for
  /// Presets: so many steps are computed, spread evenly over those that are not of size zero, and
  /// where that leaves any out the solver is the second-order one.
  std::optional<int> evaluations;
  Reference reference = Reference::last_computed;
  int max_consecutive = -1;  ///< reused steps in a row, -1 for any number
  HistoryType history = HistoryType::automatic;
  bool elide_zero_steps = true;
  DecisionPlace decision = DecisionPlace::automatic;
  bool cann = false;  ///< decide as the reference does
  std::optional<CacheCalibration> calibration;
  /// tea: observed range of the distance, outside of which the polynomial is not trusted.
  std::optional<std::vector<double>> distance_range;

  std::vector<std::string> warnings;  ///< "W_NEVER /TaylorSeer/...: ..."

  bool dynamic() const {
    return method == CacheMethod::first_block || method == CacheMethod::tea ||
           method == CacheMethod::easy;
  }
};

/// "FBCache", ...: the name in the file.
const char* to_string(CacheMethod method);

/// Reads the text of a configuration; `label` names it in messages. Raises
/// ErrorCode::invalid_argument with all that is wrong in one line, each by its JSON pointer, what
/// was expected, what was found, and a code such as E_RANGE; ErrorCode::corrupt for text that is no
/// JSON; ErrorCode::unsupported for values that are known but cannot be had here.
CacheConfig parse_cache_config(std::string_view text, const std::string& label);

/// The same from a file, and the calibrated profile that it names, which lies beside it.
CacheConfig load_cache_config(const std::string& path);

}  // namespace sinter::sampling
