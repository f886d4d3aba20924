// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE cloudinitisobuilder_seed
#include <boost/test/included/unit_test.hpp>

#include "seed_check.hpp"

using namespace k2s::cloudinitisobuilder;

namespace {

const std::string k_meta = "instance-id: i-1\n";
const std::string k_user = "#cloud-config\nhostname: a\n";

/// The findings' texts, each cut after the part that a test names.
std::vector<std::string> check(std::vector<SeedFile> files) {
    std::vector<std::string> texts;
    for (const Finding &finding : check_seed(files)) {
        texts.push_back(finding.text());
    }
    return texts;
}

void expect(const std::vector<std::string> &texts, const std::vector<std::string> &begins) {
    BOOST_TEST(texts.size() == begins.size());
    for (size_t i = 0; i < std::max(texts.size(), begins.size()); ++i) {
        const std::string text = i < texts.size() ? texts[i] : "(nothing)";
        const std::string begin = i < begins.size() ? begins[i] : "(nothing)";
        BOOST_TEST(text.substr(0, begin.size()) == begin);
    }
}

void meta(const std::string &text, const std::vector<std::string> &begins) {
    expect(check({{"meta-data", text}, {"user-data", k_user}}), begins);
}
void user(const std::string &text, const std::vector<std::string> &begins) {
    expect(check({{"meta-data", k_meta}, {"user-data", text}}), begins);
}
void network(const std::string &text, const std::vector<std::string> &begins) {
    expect(check({{"meta-data", k_meta}, {"user-data", k_user}, {"network-config", text}}), begins);
}

} // namespace

BOOST_AUTO_TEST_CASE(required_files) {
    expect(check({{"meta-data", k_meta}, {"user-data", k_user}}), {});
    expect(check({{"user-data", k_user}}), {"meta-data: error: missing;"});
    expect(check({{"User-Data.txt", k_user}, {"meta-data", k_meta}}),
           {"user-data: error: missing; cloud-init finds a NoCloud seed by its meta-data and "
            "user-data; rename 'User-Data.txt'"});
    expect(check({}), {"meta-data: error: missing", "user-data: error: missing"});
}

BOOST_AUTO_TEST_CASE(meta_data) {
    meta("instance-id: x\r\nlocal-hostname: h\r\n", {});
    meta("{\"instance-id\": \"x\"}", {});
    meta("", {"meta-data:1:1: error: empty"});
    meta("# only a comment\n", {"meta-data:1:1: error: empty"});
    meta("local-hostname: h\n", {"meta-data:1:1: error: no instance-id"});
    meta("a: b\ninstance-id:\n", {"meta-data:2:1: error: instance-id must be"});
    meta("instance-id: [a]\n", {"meta-data:1:1: error: instance-id must be"});
    meta("- instance-id: x\n", {"meta-data:1:3: error: not a mapping"});
    meta("just text\n", {"meta-data:1:1: error: not a mapping"});
    meta("instance-id: 'x\n", {"meta-data:1:15: error: not valid YAML: "});
    meta("a: b: c\n", {"meta-data:1:5: error: not valid YAML: "});
    meta(std::string("a\0b", 3), {"meta-data: error: not text: it has a zero byte at offset 1"});
}

// What the original installation writes: cloud-init ignores it and starts, so the build goes on.
BOOST_AUTO_TEST_CASE(meta_data_of_the_original) {
    meta("instance-id:4711-22\r\nlocal-hostname=node\r\n",
         {"meta-data:1:12: warning: no blank after the colon, so this is text and not a setting, "
          "and cloud-init ignores it; write 'instance-id: 4711-22'",
          "meta-data:2:15: warning: '=' does not make a setting in YAML, and cloud-init ignores "
          "it; write 'local-hostname: node'"});
}

BOOST_AUTO_TEST_CASE(a_second_document) {
    meta("instance-id: a\n---\nb: c\n", {"meta-data:3:1: error: a second YAML document"});
    meta("---\ninstance-id: a\n", {});
}

BOOST_AUTO_TEST_CASE(user_data_formats) {
    for (const char *text :
         {"#!/bin/sh\n", "#include\nhttp://x/\n", "#include-once\n", "#cloud-boothook\n",
          "#cloud-config-archive\n- x\n", "#part-handler\n", "## template: jinja\n#cloud-config\n",
          "Content-Type: multipart/mixed; boundary=x\n", "MIME-Version: 1.0\n", "\x1f\x8b\x08",
          "\n  #Cloud-Config\na: b\n"}) {
        user(text, {});
    }
    user("", {"user-data:1:1: warning: empty"});
    user(" \n", {"user-data:1:1: warning: empty"});
    user("hostname: a\n", {"user-data:1:1: error: cloud-init does not recognise the first line"});
    user("# cloud-config\n", {"user-data:1:1: error: cloud-init does not recognise"});
    user("\xef\xbb\xbf#cloud-config\n", {"user-data:1:1: error: begins with a byte order mark"});
    user("\xff\xfe#\0", {"user-data:1:1: error: begins with a byte order mark"});
    user("#!/bin/sh\r\necho\r\n", {"user-data:1:1: warning: the script has Windows line ends"});
}

BOOST_AUTO_TEST_CASE(cloud_config_syntax) {
    user("#cloud-config\n", {"user-data: warning: the cloud-config sets nothing"});
    user("#cloud-config\n- a\n", {"user-data:2:3: error: the cloud-config is not a mapping"});
    user("#cloud-config\na: [1, 2\nb: c\n", {"user-data:4:1: error: not valid YAML: "});
    user("#cloud-config\na:\n\t- b\n", {"user-data:3:1: error: not valid YAML: "});
    user("#cloud-config\na: 1\na: 2\n", {"user-data:3:1: error: not valid YAML: duplicate key"});
    user("#cloud-config\na: &x [1]\nb: *x\nc: *y\n", {});
}

BOOST_AUTO_TEST_CASE(passwords) {
    user("#cloud-config\nusers:\n- default\n- name: a\n  plain_text_passwd: admin\n",
         {"user-data:5:22: warning: 'plain_text_passwd' puts a readable password"});
    user("#cloud-config\npassword: geheim\n", {"user-data:2:11: warning: 'password' puts"});
    user("#cloud-config\npassword: $6$x$y\n", {});
    user("#cloud-config\nchpasswd:\n  list: |\n    a:$6$x\n    b:R\n    c:geheim\n",
         {"user-data:4:1: warning: 'chpasswd' puts"});
    user("#cloud-config\nchpasswd:\n  list: ['a:x', 'b:$6$y', c:RANDOM]\n",
         {"user-data:3:11: warning: 'chpasswd' puts"});
    user("#cloud-config\nchpasswd: {users: [{name: a, password: x, type: text}, {name: b, type: "
         "RANDOM}, {name: c, password: $6$z}]}\n",
         {"user-data:2:40: warning: 'chpasswd' puts"});
}

BOOST_AUTO_TEST_CASE(ssh_keys) {
    user("#cloud-config\nssh_authorized_keys:\n"
         "- ssh-ed25519 AAAAC3Nza x@y\n"
         "- no-pty,command=\"a b\" ecdsa-sha2-nistp256 AAAAE2Vj x\n"
         "- sk-ssh-ed25519@openssh.com AAAAGnNr\n"
         "- put the key here\n"
         "- ssh-rsa\n",
         {"user-data:6:3: warning: does not look like an SSH public key",
          "user-data:7:3: warning: does not look like an SSH public key"});
    user("#cloud-config\nusers: [{name: a, ssh_authorized_keys: [nothing]}]\n",
         {"user-data:2:41: warning: does not look like"});
}

BOOST_AUTO_TEST_CASE(vendor_data_is_checked_alike) {
    expect(check({{"meta-data", k_meta}, {"user-data", k_user}, {"vendor-data", "x"}}),
           {"vendor-data:1:1: error: cloud-init does not recognise"});
}

BOOST_AUTO_TEST_CASE(network_config) {
    network("version: 2\nethernets:\n  eth0: {dhcp4: true}\n", {});
    network("network:\n  version: 1\n  config: [{type: physical, name: eth0}]\n", {});
    network("network: {config: disabled}\n", {});
    network("", {"network-config: warning: empty"});
    network("ethernets: {}\n", {"network-config:1:1: error: no version"});
    network("version: 3\n", {"network-config:1:10: error: version '3' is unknown"});
    network("version: 1\n", {"network-config:1:1: error: version 1 needs 'config:'"});
    network("version: 2\nethernets: [eth0]\n",
            {"network-config:2:13: error: 'ethernets' must be a mapping"});
    network("- a\n", {"network-config:1:3: error: not a mapping"});
    network("version: 2\n  x: y\n", {"network-config:1:10: error: not valid YAML: "});
}

BOOST_AUTO_TEST_CASE(names_that_differ_in_case) {
    expect(check({{"USER-DATA", ""}, {"meta-data", k_meta}, {"user-data", k_user}}),
           {"user-data: warning: differs from 'USER-DATA' in case only"});
}

BOOST_AUTO_TEST_CASE(hostile_yaml_ends) {
    const std::string deep = "a: " + std::string(100000, '[');
    BOOST_TEST(!check({{"meta-data", deep}, {"user-data", k_user}}).empty());
    std::string bombs = "#cloud-config\na0: &a0 [x]\n";
    for (int i = 1; i < 60; ++i) {
        const std::string before = "*a" + std::to_string(i - 1);
        bombs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before + ", " +
                 before + "]\n";
    }
    user(bombs, {});
}
