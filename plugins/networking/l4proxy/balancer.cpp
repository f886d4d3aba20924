// SPDX-License-Identifier: MIT
#include "balancer.hpp"

#include <algorithm>
#include <cmath>

namespace k2s::l4proxy {
namespace {

using dataplane::LogLevel;

// FNV-1a with a finalizer (murmur3): the same in every process and on every system, so that two
// proxies with the same list send a client to the same target.
uint64_t mix(uint64_t h) noexcept {
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdULL;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53ULL;
    h ^= h >> 33;
    return h;
}

uint64_t hash_bytes(const void *data, size_t size) noexcept {
    uint64_t h = 0xcbf29ce484222325ULL;
    for (const auto *p = static_cast<const unsigned char *>(data); size != 0; --size, ++p) {
        h = (h ^ *p) * 0x100000001b3ULL;
    }
    return mix(h);
}

uint64_t hash_address(const Address &given) noexcept {
    const Address address = unmapped(given);
    if (address.is_v4()) {
        const auto bytes = address.to_v4().to_bytes();
        return hash_bytes(bytes.data(), bytes.size());
    }
    const auto bytes = address.to_v6().to_bytes();
    return hash_bytes(bytes.data(), bytes.size());
}

} // namespace

std::string_view text_of(Health health) noexcept {
    switch (health) {
    case Health::up:
        return "up";
    case Health::down:
        return "down";
    case Health::draining:
        return "draining";
    }
    return "unknown";
}

Health Target::health() const noexcept {
    if (removed_ || spec_.drain) {
        return Health::draining;
    }
    return active_check_up_ && passive_ == Passive::up ? Health::up : Health::down;
}

Lease::Lease(std::shared_ptr<Balancer> balancer, std::shared_ptr<Target> target, bool trial)
    : balancer_(std::move(balancer)), target_(std::move(target)), data_(target_->spec_.data),
      trial_(trial) {
    target_->active_count_.add();
    target_->chosen_.add();
}

Lease &Lease::operator=(Lease &&other) noexcept {
    if (this != &other) {
        release();
        balancer_ = std::move(other.balancer_);
        target_ = std::move(other.target_);
        data_ = std::move(other.data_);
        trial_ = std::exchange(other.trial_, false);
    }
    return *this;
}

void Lease::release() noexcept {
    if (target_ == nullptr) {
        return;
    }
    if (trial_ && target_->passive_ == Target::Passive::trial) {
        target_->passive_ = Target::Passive::down; // no verdict: the next one may try
    }
    target_->active_count_.sub();
    target_.reset();
    data_.reset();
    balancer_.reset();
    trial_ = false;
}

void Lease::succeeded() {
    trial_ = false;
    balancer_->note_success(*target_);
}

void Lease::failed(std::string_view reason, Clock::time_point now) {
    trial_ = false;
    balancer_->note_failure(*target_, reason, now);
}

Balancer::Balancer(std::string forward, std::shared_ptr<dataplane::Observer> observer)
    : forward_(std::move(forward)), observer_(std::move(observer)) {}

void Balancer::set(const Options &options, std::vector<TargetSpec> specs) {
    options_ = options;
    std::vector<std::shared_ptr<Target>> next;
    next.reserve(specs.size());
    for (TargetSpec &spec : specs) {
        const auto known = std::find_if(targets_.begin(), targets_.end(), [&](const auto &target) {
            return target != nullptr && target->name() == spec.name;
        });
        if (known != targets_.end()) {
            (*known)->spec_ = std::move(spec);
            next.push_back(std::move(*known));
        } else {
            auto target = std::make_shared<Target>(std::move(spec));
            target->name_hash_ = hash_bytes(target->name().data(), target->name().size());
            next.push_back(std::move(target));
        }
        if (options_.passive.failures == 0) {
            next.back()->passive_ = Target::Passive::up;
            next.back()->failures_ = 0;
        }
        next.back()->current_ = 0; // a changed list begins a new round
    }
    for (const auto &left : targets_) {
        if (left != nullptr) {
            left->removed_ = true;
        }
    }
    targets_ = std::move(next);
    candidates_.reserve(targets_.size());
}

// Passive marks are a guess made from other clients' connections: when they leave nothing at all,
// trying a marked target beats refusing for certain. What an active check says is known, and holds.
Lease Balancer::pick(const Address &client, std::span<const Target *const> tried,
                     Clock::time_point now) {
    for (const Tier tier : {Tier::usable, Tier::marked}) {
        for (const bool backup : {false, true}) {
            collect(backup, tier, tried, now);
            if (candidates_.empty()) {
                continue;
            }
            Target *const target = choose(client);
            const bool trial = target->passive_ == Target::Passive::down;
            if (trial) {
                target->passive_ = Target::Passive::trial;
            }
            return Lease(shared_from_this(), target->shared_from_this(), trial);
        }
    }
    return {};
}

void Balancer::collect(bool backup, Tier tier, std::span<const Target *const> tried,
                       Clock::time_point now) {
    candidates_.clear();
    for (const auto &each : targets_) {
        Target &target = *each;
        if (target.spec_.backup != backup || target.spec_.drain || target.spec_.weight == 0 ||
            !target.active_check_up_) {
            continue;
        }
        const bool usable = target.passive_ == Target::Passive::up ||
                            (target.passive_ == Target::Passive::down && now >= target.down_until_);
        if (tier == Tier::usable && !usable) {
            continue;
        }
        if (std::find(tried.begin(), tried.end(), &target) == tried.end()) {
            candidates_.push_back(&target);
        }
    }
}

Target *Balancer::choose(const Address &client) {
    if (options_.balance == Balance::source_hash && !client.is_unspecified()) {
        return by_source(client);
    }
    if (options_.balance == Balance::least_connections) {
        keep_least_loaded();
    }
    return in_turn();
}

// Each gains its weight, the richest pays for all: the choices of a target are spread evenly.
Target *Balancer::in_turn() {
    int64_t total = 0;
    Target *best = nullptr;
    for (Target *const target : candidates_) {
        total += target->spec_.weight;
        target->current_ += target->spec_.weight;
        if (best == nullptr || target->current_ > best->current_) {
            best = target;
        }
    }
    best->current_ -= total;
    return best;
}

void Balancer::keep_least_loaded() {
    // a/wa < b/wb without dividing; the connection to come counts as well, so that among idle
    // targets the heavier one is first.
    const auto less = [](const Target *a, const Target *b) {
        return (a->active() + 1) * b->spec_.weight < (b->active() + 1) * a->spec_.weight;
    };
    const Target *const best = *std::min_element(candidates_.begin(), candidates_.end(), less);
    std::erase_if(candidates_, [&](const Target *target) { return less(best, target); });
}

// Weighted rendezvous hashing: each target draws a number for this client, the best wins. Without a
// target only its own clients move, and a new one takes its share from all alike.
Target *Balancer::by_source(const Address &client) const {
    const uint64_t source = hash_address(client);
    Target *best = nullptr;
    double best_score = 0;
    for (Target *const target : candidates_) {
        const uint64_t drawn = mix(source ^ target->name_hash_);
        // In (0, 1): the upper 53 bits, and never 0 or 1, whose logarithms do not work.
        const double uniform = (static_cast<double>(drawn >> 11) + 0.5) * 0x1p-53;
        const double score = -std::log(uniform) / target->spec_.weight;
        if (best == nullptr || score < best_score) {
            best = target;
            best_score = score;
        }
    }
    return best;
}

void Balancer::note_failure(Target &target, std::string_view reason, Clock::time_point now) {
    target.failed_.add();
    const PassiveCheck &check = options_.passive;
    if (check.failures == 0) {
        return;
    }
    ++target.failures_;
    if (target.passive_ == Target::Passive::up && target.failures_ < check.failures) {
        return;
    }
    const bool was_up = target.health() == Health::up;
    target.passive_ = Target::Passive::down;
    target.down_until_ = now + check.down_for;
    if (was_up) {
        log_change(target, reason);
    }
}

void Balancer::note_success(Target &target) {
    target.failures_ = 0;
    if (target.passive_ == Target::Passive::up) {
        return;
    }
    target.passive_ = Target::Passive::up;
    if (target.health() == Health::up) {
        log_change(target, "a connection came about");
    }
}

void Balancer::set_active_health(std::string_view name, bool up, std::string_view reason) {
    const auto found = std::find_if(targets_.begin(), targets_.end(),
                                    [&](const auto &target) { return target->name() == name; });
    if (found == targets_.end() || (*found)->active_check_up_ == up) {
        return;
    }
    Target &target = **found;
    const Health before = target.health();
    target.active_check_up_ = up;
    if (up) { // it has just answered: marks of earlier connections are outdated
        target.passive_ = Target::Passive::up;
        target.failures_ = 0;
    }
    if (target.health() != before) {
        log_change(target, reason);
    }
}

void Balancer::log_change(const Target &target, std::string_view reason) const {
    const bool up = target.health() == Health::up;
    observer_->on_log(up ? LogLevel::info : LogLevel::warn, up ? "target up" : "target down",
                      {{"forward", forward_}, {"target", target.name()}, {"reason", reason}});
}

} // namespace k2s::l4proxy
