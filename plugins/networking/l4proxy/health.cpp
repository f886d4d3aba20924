// SPDX-License-Identifier: MIT
#include "health.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "common/text.hpp"
#include "dataplane/buffer.hpp"

namespace k2s::l4proxy {
namespace {

using namespace dataplane;

using Outcome = std::expected<void, std::string>;

constexpr size_t k_status_line = 1024;

std::unexpected<std::string> no(std::string why) {
    return std::unexpected(std::move(why));
}

std::string request_of(const HealthCheck &check) {
    switch (check.kind) {
    case HealthCheck::Kind::connect:
        break;
    case HealthCheck::Kind::exchange:
        return check.send;
    case HealthCheck::Kind::http:
        return "GET " + check.path + " HTTP/1.1\r\nHost: " + check.host +
               "\r\nUser-Agent: l4proxy-health-check\r\nAccept: */*\r\nConnection: close\r\n\r\n";
    }
    return {};
}

// Nothing while more has to come.
std::optional<Outcome> judge(std::string_view answer, const HealthCheck &check) {
    if (check.kind == HealthCheck::Kind::http) {
        return judge_http_answer(answer, check);
    }
    if (answer.find(check.expect) != std::string_view::npos) {
        return Outcome();
    }
    if (answer.size() >= k_health_reply) {
        return no("the answer does not contain what is expected");
    }
    return std::nullopt;
}

} // namespace

std::optional<bool> HealthCount::add(bool success, const HealthCheck &check) noexcept {
    if (!known_) {
        known_ = true;
        up_ = success;
        return up_;
    }
    if (success == up_) {
        run_ = 0;
        return std::nullopt;
    }
    if (++run_ < (up_ ? check.fall : check.rise)) {
        return std::nullopt;
    }
    run_ = 0;
    up_ = success;
    return up_;
}

std::optional<Outcome> judge_http_answer(std::string_view answer, const HealthCheck &check) {
    constexpr std::string_view k_begin = "HTTP/1.";
    const size_t end = answer.substr(0, k_status_line).find('\n');
    const std::string_view line = answer.substr(0, end);
    const size_t common = std::min(line.size(), k_begin.size());
    if (line.substr(0, common) != k_begin.substr(0, common)) {
        return no("the answer is not HTTP/1");
    }
    if (end == std::string_view::npos) {
        if (answer.size() >= k_status_line) {
            return no("the answer's status line is too long");
        }
        return std::nullopt;
    }
    // HTTP/1.1 200 OK\r
    const bool shaped = line.size() >= 13 && line.ends_with('\r') && ascii_digit(line[7]) &&
                        line[8] == ' ' && (line[12] == ' ' || line[12] == '\r');
    const auto status = shaped ? parse_decimal<unsigned>(line.substr(9, 3)) : std::nullopt;
    if (!status || *status < 100) {
        return no("the answer's status line is malformed");
    }
    if (*status < check.status_from || *status > check.status_to) {
        return no("the answer has status " + std::to_string(*status));
    }
    return Outcome();
}

struct HealthChecker::Shared {
    net::io_context &io;
    std::shared_ptr<Balancer> balancer;
    Dial dial;
    Counter checks;
    Counter failures;
    std::minstd_rand random{std::random_device{}()};
};

// The checking of one target.
struct HealthChecker::Probe : std::enable_shared_from_this<HealthChecker::Probe> {
    std::shared_ptr<Shared> shared;
    std::shared_ptr<const Target> target;
    HealthCheck check;
    HealthCount count;
    CoarseClock clock{Clock::now(), Clock::duration::zero()};
    Watchdog watchdog{clock};
    Timer timer;   // the deadline of a check
    Timer between; // checks
    bool stopped = false;

    Probe(std::shared_ptr<Shared> with, std::shared_ptr<const Target> of, const HealthCheck &how)
        : shared(std::move(with)), target(std::move(of)), check(how), timer(shared->io),
          between(shared->io) {}

    void stop() {
        stopped = true;
        between.cancel();
        timer.cancel();
        watchdog.cut_now();
    }

    // Proxies and targets that start together shall not check in step.
    Clock::duration jittered(Clock::duration base) {
        std::uniform_real_distribution<double> around(0.9, 1.1);
        return std::chrono::duration_cast<Clock::duration>(base * around(shared->random));
    }

    static Task<void> run(std::shared_ptr<Probe> self) {
        std::uniform_real_distribution<double> early(0.0, 0.1);
        self->between.expires_after(std::chrono::duration_cast<Clock::duration>(
            self->check.interval * early(self->shared->random)));
        for (;;) {
            const auto [ec] = co_await self->between.async_wait(k_await);
            static_cast<void>(ec);
            if (self->stopped) {
                co_return;
            }
            self->begin_deadline();
            Outcome outcome = co_await self->once();
            self->timer.cancel();
            if (self->stopped) {
                co_return;
            }
            if (!outcome && self->watchdog.expired()) {
                outcome = no("no answer in time");
            }
            self->note(outcome);
            self->between.expires_after(self->jittered(self->check.interval));
        }
    }

    void begin_deadline() {
        clock.now = Clock::now();
        watchdog.arm(check.timeout);
        timer.expires_after(check.timeout);
        timer.async_wait([self = shared_from_this()](const error_code &ec) {
            if (!ec) {
                self->watchdog.check(Clock::time_point::max());
            }
        });
    }

    void note(const Outcome &outcome) {
        shared->checks.add();
        if (!outcome) {
            shared->failures.add();
        }
        if (const auto change = count.add(outcome.has_value(), check)) {
            const std::string why = outcome ? "the health check succeeded"
                                            : "the health check failed: " + outcome.error();
            shared->balancer->set_active_health(target->name(), *change, why);
        }
    }

    Task<Outcome> once() {
        const auto kept = target->spec().data; // a reload gives the target another
        auto socket = co_await shared->dial(*target, watchdog);
        if (!socket) {
            co_return no(std::move(socket.error()));
        }
        if (check.kind == HealthCheck::Kind::connect) {
            co_return Outcome();
        }
        PlainStream stream(std::move(*socket));
        prepare_socket(stream.socket());
        const Scoped<Stream> slot(watchdog.client, &stream);
        const std::string request = request_of(check);
        const IoResult sent = co_await stream.write(request, std::string_view());
        if (sent.ec) {
            co_return no("sending failed: " + sent.ec.message());
        }
        Buffer answer;
        for (;;) {
            if (auto verdict = judge(answer.view(), check)) {
                co_return std::move(*verdict);
            }
            const auto room = answer.prepare(Buffer::k_small);
            const IoResult got = co_await stream.read_some(room);
            if (got.ec) {
                co_return no(got.ec == net::error::eof
                                 ? "the connection ended before the expected answer"
                                 : "reading the answer failed: " + got.ec.message());
            }
            answer.commit(got.bytes);
        }
    }
};

HealthChecker::HealthChecker(net::io_context &io, std::shared_ptr<Balancer> balancer, Dial dial)
    : shared_(std::make_shared<Shared>(io, std::move(balancer), std::move(dial))) {}

HealthChecker::~HealthChecker() {
    stop();
}

void HealthChecker::stop() {
    for (const auto &probe : probes_) {
        probe->stop();
    }
    probes_.clear();
}

void HealthChecker::set(std::optional<HealthCheck> check) {
    const bool same = check == check_;
    check_ = std::move(check);
    std::vector<std::shared_ptr<Probe>> next;
    for (const auto &target : shared_->balancer->targets()) {
        const auto known = std::find_if(probes_.begin(), probes_.end(), [&](const auto &probe) {
            return probe != nullptr && probe->target == target;
        });
        if (same && known != probes_.end()) {
            next.push_back(std::move(*known));
        } else if (check_) {
            next.push_back(std::make_shared<Probe>(shared_, target, *check_));
            net::co_spawn(shared_->io.get_executor(), Probe::run(next.back()), net::detached);
        } else {
            shared_->balancer->set_active_health(target->name(), true,
                                                 "it is not checked any more");
        }
    }
    for (const auto &left : probes_) {
        if (left != nullptr) {
            left->stop();
        }
    }
    probes_ = std::move(next);
}

const Counter &HealthChecker::checks() const noexcept {
    return shared_->checks;
}

const Counter &HealthChecker::failures() const noexcept {
    return shared_->failures;
}

} // namespace k2s::l4proxy
