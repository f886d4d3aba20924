// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "bridge/program.hpp"
#include "ipam/host_local.hpp"

namespace k2s::cni {

/// The IPAM plugin that a configuration names. Our host-local is called in process, as long as no
/// other one is found first in CNI_PATH.
class Ipam {
  public:
    struct Options {
        Runner run;
        std::string own_folder; // where our host-local is
        bool always_exec = false;
        HostLocal host_local;
    };

    /// `path` is set when a program has to be run.
    static Result<Ipam> choose(const Options &options, const std::string &type,
                               const Request &request);

    bool in_process() const { return program_.empty(); }

    Result<Attachment> add(const Request &request) const;
    /// `command` is DEL, CHECK, GC or STATUS, whatever the request says: a failed ADD ends with a
    /// DEL.
    Result<void> call(const std::string &command, const Request &request) const;

  private:
    Ipam(const Options &options, std::string program)
        : options_(&options), program_(std::move(program)) {}
    Result<std::string> execute(const std::string &command, const Request &request) const;

    const Options *options_;
    std::string program_;
};

} // namespace k2s::cni
