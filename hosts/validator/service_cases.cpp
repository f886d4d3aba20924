// SPDX-License-Identifier: MIT
/// \file
/// What holds for services.
#include "service_cases.hpp"

#include <atomic>
#include <random>
#include <thread>

namespace k2s::validator {

using namespace std::chrono_literals;
using core::FeatureKind;

namespace {

constexpr auto k_drain = 5s;

/// Calls `check(feature, settings, service)` with each service that starts as it is configured by
/// default; it is stopped afterwards.
template <class Check> Verdict for_each_service(const Subject &subject, Check &&check) {
    Rig rig(subject);
    if (auto done = rig.activate(); !done) {
        return failed(done.error().message);
    }
    std::string not_started = "it has no service";
    int count = 0;
    for (const auto &[feature, settings] : default_services(subject)) {
        auto started = rig.plugin().start_service(feature, "validator", settings);
        if (!started) {
            not_started = fmt::format("'{}' does not start here with its default settings: {}",
                                      feature, started.error().message);
            continue;
        }
        ++count;
        auto verdict = check(rig, feature, settings, *started);
        if (verdict.outcome != Outcome::pass) {
            return verdict;
        }
    }
    if (auto done = rig.deactivate(); !done) {
        return failed(done.error().message);
    }
    return count > 0 ? Verdict{} : skipped(not_started);
}

Verdict stop(Rig &rig, k2s_handle service) {
    auto stopped = rig.plugin().stop_service(service, k_drain);
    const bool cut = !stopped && stopped.error().code == K2S_E_PARTIAL; // work was cut: allowed
    return stopped || cut ? Verdict{} : failed("stop: " + stopped.error().message);
}

} // namespace

Verdict start_and_stop(const Subject &subject, std::uint64_t) {
    static constexpr int k_rounds = 100;
    return for_each_service(subject, [](Rig &rig, const std::string &feature,
                                        const std::string &defaults, k2s_handle service) {
        auto verdict = stop(rig, service);
        const auto before = resources();
        for (int round = 1; round < k_rounds && verdict.outcome == Outcome::pass; ++round) {
            auto again = rig.plugin().start_service(feature, "validator", defaults);
            verdict = again ? stop(rig, *again)
                            : failed(fmt::format("start {} of {}: {}", round + 1, k_rounds,
                                                 again.error().message));
        }
        auto left = left_over(before, resources(), k_rounds);
        return verdict.outcome == Outcome::pass && !left.empty() ? failed(std::move(left))
                                                                 : verdict;
    });
}

Verdict stop_in_use(const Subject &subject, std::uint64_t) {
    return for_each_service(subject, [](Rig &rig, const std::string &feature,
                                        const std::string &defaults, k2s_handle service) {
        auto verdict = Verdict{};
        for (int round = 0; round < 20 && verdict.outcome == Outcome::pass; ++round) {
            std::atomic<bool> go = true;
            std::jthread asking([&] {
                while (go) {
                    static_cast<void>(rig.plugin().service_status(service));
                }
            });
            std::this_thread::sleep_for(2ms);
            verdict = stop(rig, service);
            go = false;
            asking.join();
            auto again = rig.plugin().start_service(feature, "validator", defaults);
            if (!again) {
                return failed("start: " + again.error().message);
            }
            service = *again;
        }
        return verdict.outcome == Outcome::pass ? stop(rig, service) : verdict;
    });
}

Verdict settings(const Subject &subject, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    return for_each_service(subject, [&](Rig &rig, const std::string &feature,
                                         const std::string &defaults, k2s_handle service) {
        auto verdict = stop(rig, service);
        std::vector<std::string> hostile{"",
                                         "null",
                                         "[]",
                                         "{",
                                         "\"text\"",
                                         "{\"a\":",
                                         "1e999",
                                         "{}",
                                         "\xff\xfe",
                                         std::string(1000, '['),
                                         "{\"x\":\"" + std::string(200'000, 'y') + "\"}"};
        for (int n = 0; n < 100; ++n) { // one changed byte each
            auto text = defaults;
            text[random() % text.size()] = static_cast<char>(random());
            hostile.push_back(std::move(text));
        }
        for (const auto &text : hostile) {
            auto started = rig.plugin().start_service(feature, "validator", text);
            if (!started && started.error().message.contains("let an exception out")) {
                return failed(started.error().message);
            }
            if (started && verdict.outcome == Outcome::pass) {
                verdict = stop(rig, *started);
            }
        }
        return verdict;
    });
}

} // namespace k2s::validator
