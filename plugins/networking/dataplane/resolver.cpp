// SPDX-License-Identifier: MIT
#include "resolver.hpp"

#include <algorithm>

#include <boost/asio/post.hpp>

#include "common/text.hpp"

namespace k2s::dataplane {
namespace {

std::vector<Address> alternate(const std::vector<Address> &found) {
    std::vector<Address> v6;
    std::vector<Address> v4;
    for (const Address &address : found) {
        auto &family = address.is_v6() ? v6 : v4;
        if (std::find(family.begin(), family.end(), address) == family.end()) {
            family.push_back(address);
        }
    }
    std::vector<Address> out;
    for (size_t i = 0; i < std::max(v6.size(), v4.size()); ++i) {
        if (i < v6.size()) {
            out.push_back(v6[i]);
        }
        if (i < v4.size()) {
            out.push_back(v4[i]);
        }
    }
    return out;
}

// Runs on a thread of the pool.
Resolution look_up(const std::string &host) {
    Resolution answer;
    net::io_context unused; // the synchronous resolver only needs an execution context to live in
    net::ip::basic_resolver<Tcp, Executor> resolver(unused);
    const auto results =
        resolver.resolve(host, "", net::ip::resolver_base::numeric_service, answer.ec);
    std::vector<Address> found;
    for (const auto &entry : results) {
        found.push_back(unmapped(entry.endpoint().address()));
    }
    answer.addresses = std::move(found);
    return answer;
}

} // namespace

std::expected<HostTable, Error>
read_hosts(const std::map<std::string, std::vector<std::string>> &texts) {
    HostTable table;
    for (const auto &[name, addresses] : texts) {
        auto &out = table[to_lower(name)];
        for (const std::string &text : addresses) {
            const auto address = parse_address(text);
            if (!address) {
                return std::unexpected(Error{K2S_E_CONFIG, "hosts: \"" + text + "\" (for " + name +
                                                               ") is no IP address"});
            }
            out.push_back(*address);
        }
    }
    return table;
}

struct Resolver::Lookup {
    Lookup(net::io_context &io, std::string name) : done(io), host(std::move(name)) {
        done.expires_at(Clock::time_point::max());
    }
    Timer done; // cancelled when the answer is there
    std::string host;
    Resolution answer;
    bool finished = false;
};

Resolver::Resolver(net::io_context &io) : Resolver(io, look_up, Keep{}) {}

Resolver::Resolver(net::io_context &io, Source source, Keep keep)
    : io_(io), source_(std::move(source)), keep_(keep), self_(std::make_shared<Resolver *>(this)) {}

Resolver::~Resolver() {
    *self_ = nullptr;
    if (threads_) {
        threads_->join();
    }
}

void Resolver::remember(const std::string &host, const Resolution &answer) {
    if (cache_.size() >= k_max_cached) {
        const auto now = Clock::now();
        std::erase_if(cache_, [now](const auto &item) { return item.second.until <= now; });
        if (cache_.size() >= k_max_cached) {
            cache_.clear();
        }
    }
    const auto until = Clock::now() + (answer.ec ? keep_.failure : keep_.answer);
    cache_.insert_or_assign(host, Cached{answer, until});
}

void Resolver::forget(const std::string &host) {
    cache_.erase(to_lower(host));
}

Task<Resolution> Resolver::resolve(const std::string &given, Watchdog &watchdog) {
    Resolution answer;
    if (const auto literal = parse_address(given)) {
        answer.addresses.push_back(unmapped(*literal));
        co_return answer;
    }
    const std::string host = to_lower(given);
    if (const auto fixed = hosts_.find(host); fixed != hosts_.end()) {
        answer.addresses = fixed->second;
        co_return answer;
    }
    if (const auto cached = cache_.find(host);
        cached != cache_.end() && cached->second.until > Clock::now()) {
        co_return cached->second.answer;
    }
    if (watchdog.cut()) {
        answer.ec = net::error::operation_aborted;
        co_return answer;
    }
    if (pending_ >= k_max_pending) {
        answer.ec = net::error::try_again;
        co_return answer;
    }
    if (!threads_) {
        threads_ = std::make_unique<net::thread_pool>(4);
    }
    ++pending_;
    auto lookup = std::make_shared<Lookup>(io_, host);
    // The pool's thread gives its reference back inside the posted handler, because the timer in it
    // may only be touched where the io_context runs.
    net::post(*threads_, [&io = io_, source = source_, self = self_, job = lookup]() mutable {
        Resolution found = source(job->host);
        found.addresses = alternate(found.addresses);
        net::post(io, [self, job = std::move(job), found = std::move(found)]() mutable {
            if (*self != nullptr) {
                --(*self)->pending_;
                (*self)->remember(job->host, found);
            }
            job->answer = std::move(found);
            job->finished = true;
            job->done.cancel();
        });
    });
    {
        const Scoped<Timer> waiting(watchdog.waiting, &lookup->done);
        const auto [ec] = co_await lookup->done.async_wait(k_await);
        static_cast<void>(ec); // always operation_aborted: by the answer or by the watchdog
    }
    if (lookup->finished) {
        co_return lookup->answer;
    }
    answer.ec = net::error::operation_aborted;
    co_return answer;
}

} // namespace k2s::dataplane
