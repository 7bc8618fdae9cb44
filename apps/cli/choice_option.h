#pragma once
// Options that take one of a few names.

#include <CLI/CLI.hpp>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace sinter::cli {

/// Sets `value`, which must outlive the command's parsing and is the default, to what the given
/// name stands for. CLI11's own transformers would list the numbers behind the names in the help
/// and accept them too.
template <class T>
CLI::Option* add_choice(CLI::App& command,
                        const std::string& name,
                        T& value,
                        std::initializer_list<std::pair<const char*, T>> choices,
                        const std::string& help) {
  std::vector<std::string> names;
  std::vector<T> values;
  std::string chosen;
  for (const auto& [text, meaning] : choices) {
    names.emplace_back(text);
    values.push_back(meaning);
    if (meaning == value) chosen = text;
  }
  const auto set = [&value, names, values](const std::string& text) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == text) value = values[i];
    }
  };
  return command.add_option_function<std::string>(name, set, help)
      ->check(CLI::IsMember(names))
      ->default_str(chosen);
}

}  // namespace sinter::cli
