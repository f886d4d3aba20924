// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "spec/request.hpp"
#include "spec/result.hpp"

namespace k2s::cni {

/// The IPAM plugin host-local: addresses from files on this machine, interchangeable with the
/// reference's on the same folder at the same time.
class HostLocal {
  public:
    struct Places {
        std::string data;  // when the configuration names no dataDir
        std::string cache; // for the index; empty: none
    };
    static Places default_places();

    explicit HostLocal(Places places = default_places()) : places_(std::move(places)) {}

    Result<Attachment> add(const Request &request) const;
    Result<void> del(const Request &request) const;
    Result<void> check(const Request &request) const;
    Result<void> gc(const Request &request) const;
    Result<void> status(const Request &request) const;

  private:
    std::string folder(const std::string &data_dir, const Request &request) const;

    Places places_;
};

/// resolvConf: resolv.conf(5), as far as a result can say it.
Result<Dns> read_resolv_conf(const std::string &path);

} // namespace k2s::cni
