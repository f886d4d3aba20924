// SPDX-License-Identifier: MIT
#include "isolation/inbound.hpp"

#include "services/services.hpp"

namespace k2s::core::isolation {

namespace {

constexpr std::size_t k_max_fields = 64;
constexpr std::size_t k_max_bars = 64;

k2s_field int_field(const char *key, int64_t value) {
    return {to_abi(key), {}, value, 0, K2S_FIELD_INT, 0};
}

} // namespace

bool Rate::take() {
    const auto now = std::chrono::steady_clock::now();
    if (now - second_ >= std::chrono::seconds(1)) {
        to_tell_ += refused_;
        second_ = now;
        taken_ = refused_ = 0;
    }
    if (taken_ == per_second_) {
        ++refused_;
        return false;
    }
    ++taken_;
    return true;
}

unsigned Rate::refused() {
    return std::exchange(to_tell_, 0);
}

void Inbound::release() {
    Services &services = scope_.services();
    if (subscription_ != 0) {
        services.events.unsubscribe(scope_.strand(), subscription_, after_ms(1000));
    }
    for (const auto &[number, bar] : bars_) {
        services.progress.end(&scope_, bar);
    }
}

bool Inbound::take(Connection &from, const Frame &frame) {
    switch (frame.kind) {
    case Kind::config:
        return answer_config(from, frame);
    case Kind::log:
        return log(Unpacker(frame.body));
    case Kind::publish:
        return publish(Unpacker(frame.body));
    case Kind::subscribe:
        return subscribe(from);
    case Kind::bar_begin:
    case Kind::bar_advance:
    case Kind::bar_end:
        return bar(frame.kind, Unpacker(frame.body));
    default:
        return false;
    }
}

bool Inbound::answer_config(Connection &from, const Frame &frame) {
    auto text = scope_.services().ports.config(scope_.id(), frame.body);
    Packer answer;
    answer.put<int32_t>(text ? K2S_OK : text.error().code);
    answer.put(text ? *text : text.error().message);
    return from.post(Kind::answer, frame.id, answer.take());
}

bool Inbound::log(Unpacker in) {
    const auto level = in.get<int32_t>();
    const auto message = in.text();
    std::array<k2s_field, k_max_fields> fields;
    const auto count = in.get<uint32_t>();
    if (count > fields.size()) {
        return false;
    }
    for (uint32_t n = 0; n < count; ++n) {
        fields[n].key = to_abi(in.text());
        fields[n].text = to_abi(in.text());
        fields[n].integer = in.get<int64_t>();
        fields[n].real = in.get<double>();
        fields[n].kind = in.get<uint32_t>();
        fields[n].reserved = 0;
    }
    if (!in.complete()) {
        return false;
    }
    const bool room = records_.take();
    if (const unsigned lost = records_.refused(); lost != 0) {
        const k2s_field field = int_field("dropped", lost);
        scope_.services().log(K2S_LOG_WARN, scope_.id(),
                              "wrote more records in a second than an isolated plugin may",
                              std::span(&field, 1));
    }
    if (room) {
        scope_.services().log(level, scope_.id(), message, std::span(fields.data(), count));
    }
    return true;
}

bool Inbound::publish(Unpacker in) {
    const auto topic = in.text();
    const auto json = in.text();
    if (notices_.take() && in.complete()) {
        // The worker has looked at both; what is wrong all the same reaches nobody.
        static_cast<void>(scope_.services().events.publish(topic, json));
    }
    return in.complete();
}

bool Inbound::subscribe(Connection &from) {
    if (subscription_ != 0) {
        return true;
    }
    auto made = scope_.services().events.subscribe(
        scope_.party().strand, {}, [&from](std::string_view topic, std::string_view json) {
            // What a slow worker does not take is lost, as in a full queue.
            from.offer(Kind::notice, Packer().put(topic).put(json).take());
        });
    subscription_ = made.value_or(0);
    return true;
}

bool Inbound::bar(Kind kind, Unpacker in) {
    auto &progress = scope_.services().progress;
    const auto number = in.get<uint64_t>();
    const auto known = bars_.find(number);
    if (kind == Kind::bar_begin) {
        const auto total = in.get<uint64_t>();
        const auto unit = in.get<uint32_t>();
        const auto title = in.text();
        if (!in.complete() || known != bars_.end() || unit > K2S_UNIT_BYTES) {
            return false;
        }
        if (bars_.size() < k_max_bars) {
            bars_.emplace(number, progress.begin(&scope_, title, total, unit));
        }
        return true;
    }
    const auto done = kind == Kind::bar_advance ? in.get<uint64_t>() : 0;
    if (known != bars_.end() && in.good()) {
        if (kind == Kind::bar_advance) {
            progress.advance(&scope_, known->second, done);
        } else {
            progress.end(&scope_, known->second);
            bars_.erase(known);
        }
    }
    return in.complete();
}

} // namespace k2s::core::isolation
