// SPDX-License-Identifier: MIT
/// \file
/// What libfyaml itself needs: pulls all events of a file, as the converter does, and does nothing
/// with them. Prints their number.
#include <cstdio>
#include <string>

#include <libfyaml.h>

int main(int argc, char **argv) {
    FILE *const file = argc == 2 ? std::fopen(argv[1], "rb") : nullptr;
    if (file == nullptr) {
        std::fprintf(stderr, "usage: yaml_events FILE\n");
        return 2;
    }
    std::string text;
    std::string block(1 << 20, '\0');
    while (const size_t got = std::fread(block.data(), 1, block.size(), file)) {
        text.append(block, 0, got);
    }
    std::fclose(file);
    fy_parse_cfg config{};
    config.flags =
        static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_DISABLE_DEPTH_LIMIT | FYPCF_JSON_NONE);
    fy_parser *const parser = fy_parser_create(&config);
    if (parser == nullptr || fy_parser_set_string(parser, text.data(), text.size()) != 0) {
        return 1;
    }
    unsigned long events = 0;
    while (fy_event *const event = fy_parser_parse(parser)) {
        ++events;
        fy_parser_event_free(parser, event);
    }
    const bool failed = fy_parser_get_stream_error(parser);
    fy_parser_destroy(parser);
    std::printf("%lu events\n", events);
    return failed ? 1 : 0;
}
