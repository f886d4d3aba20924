// SPDX-License-Identifier: MIT
#include "command/common.hpp"

#include <boost/filesystem/operations.hpp>

#include <k2s/abi/progress.h>

#include "base/file.hpp"
#include "command/program.hpp"
#include "common/text.hpp"

namespace k2s::image {

Result<Store> open_store(const Invocation &call, Access access) {
    const std::string folder = default_store(call.text("store"));
    if (access == Access::read && !call.given("store")) {
        // Nothing was kept yet: an empty store, not an error.
        if (boost::system::error_code failed;
            !fs::exists(to_path(folder + "/oci-layout"), failed)) {
            access = Access::write;
        }
    }
    return Store::open(folder, access);
}

Result<Found> find_image(const Invocation &call, Access access, const std::string &name) {
    auto store = open_store(call, access);
    if (!store) {
        return pass(store);
    }
    auto image = store->find(name);
    if (!image) {
        return pass(image);
    }
    return Found{std::move(*store), std::move(*image)};
}

Result<std::optional<Platform>> platform_option(const Invocation &call) {
    if (!call.given("platform")) {
        return std::nullopt;
    }
    auto platform = Platform::parse(call.text("platform"));
    if (!platform) {
        return pass(platform);
    }
    return std::move(*platform);
}

Progress::Progress(const Host &host, std::string_view title)
    : host_(host), table_(host.find<k2s_progress>(K2S_PROGRESS_ID)) {
    if (table_ != nullptr &&
        table_->begin(host_.get(), to_abi(title), 0, K2S_UNIT_BYTES, &bar_) < 0) {
        table_ = nullptr;
    }
    watch_.advance = [this](uint64_t bytes) {
        const uint64_t done = done_ += bytes;
        if (table_ != nullptr) {
            table_->advance(host_.get(), bar_, done);
        }
    };
    watch_.cancelled = [this] { return host_.cancelled(); };
}

Progress::~Progress() {
    if (table_ != nullptr) {
        table_->end(host_.get(), bar_);
    }
}

Result<int64_t> source_date_epoch(const Host &host) {
    const std::string text = host.environment("SOURCE_DATE_EPOCH");
    if (text.empty()) {
        return 0;
    }
    constexpr int64_t year_9999 = 253402300799;
    const auto seconds = parse_decimal<int64_t>(text);
    if (!seconds || *seconds > year_9999) {
        return fail(K2S_E_USAGE, "SOURCE_DATE_EPOCH='{}' is no number of seconds since 1970", text);
    }
    return *seconds;
}

Result<std::string> one_name(const Invocation &call, std::string_view argument,
                             std::string_view option) {
    const bool named = call.given(option);
    const std::string text = call.text(argument);
    if (named == !text.empty()) {
        return fail(K2S_E_USAGE, "give one image: as argument, or with --{}", option);
    }
    return named ? call.text(option) : text;
}

} // namespace k2s::image
