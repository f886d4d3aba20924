// SPDX-License-Identifier: MIT
// Fuzz target of yaml2json: whatever comes in, a conversion ends within its limits in JSON that a
// JSON parser takes or in a message that names the input; and the options do not change which.
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "convert.hpp"
#include "require.hpp"

namespace {

using namespace k2s::yaml2json;

bool append(void *context, const char *data, size_t size) {
    static_cast<std::string *>(context)->append(data, size);
    return true;
}

bool convert_to_array(std::string_view input, Options options, std::string &output) {
    options.documents = Documents::array;
    options.limits.alias_nodes = 10'000;
    options.limits.alias_bytes = 1'000'000;
    options.limits.line_indicators = 10'000;
    options.limits.output_bytes = 100'000'000;
    const auto report = convert(input, "fuzz", options, {&output, append});
    if (!report) {
        require(report.error().message.starts_with("fuzz:"));
        require(report.error().message.size() < 2000);
        require(report.error().code < 0);
        return false;
    }
    require(report->written == report->documents);
    require(report->output_bytes == output.size());
    return true;
}

} // namespace

// On some malformed input libfyaml 0.7.12 loses a few tokens; leaks of our own are still reported.
extern "C" const char *__lsan_default_suppressions() {
    return "leak:fy_\n";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string_view input{reinterpret_cast<const char *>(data), size};
    std::string compact;
    const bool converted = convert_to_array(input, {}, compact);
    Options options;
    options.indent = Indent::spaces(1);
    options.key_order = KeyOrder::as_written;
    options.escape_html = false;
    std::string indented;
    const bool also_converted = convert_to_array(input, options, indented);
    require(converted == also_converted);
    if (converted) {
        const auto one = nlohmann::json::parse(compact, nullptr, false);
        const auto other = nlohmann::json::parse(indented, nullptr, false);
        require(!one.is_discarded() && !other.is_discarded());
        require(one.dump() == other.dump());
    }
    return 0;
}
