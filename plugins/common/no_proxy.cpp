// SPDX-License-Identifier: MIT
#include "no_proxy.hpp"

#include "text.hpp"

namespace k2s {

NoProxy::NoProxy(std::string_view list) {
    for_each_item(list, [this](std::string_view item) {
        if (!items_.matches_everything() && !items_.add(item)) {
            ignored_.push_back(to_lower(item));
        }
    });
}

std::string_view NoProxy::match(std::string_view given, uint16_t port) const {
    if (given == "localhost") { // in this case only, as the reference has it
        return k_loopback;
    }
    const Subject subject(given, port);
    if (subject.address && subject.address->is_loopback()) {
        return k_loopback;
    }
    const std::string *item = items_.match(subject);
    return item != nullptr ? std::string_view(*item) : std::string_view();
}

} // namespace k2s
