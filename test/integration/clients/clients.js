// SPDX-License-Identifier: MIT
// https-proxy-agent, undici and ws through a proxy: node clients.js PROXY HTTP-ORIGIN HTTPS-ORIGIN
'use strict';
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; // the origin's certificate is made for the test
const https = require('https');
const http = require('http');
const crypto = require('crypto');
const agents = require('https-proxy-agent');
const undici = require('undici');
const WebSocket = require('ws');

const [proxy, origin, secure] = process.argv.slice(2);
const Agent = agents.HttpsProxyAgent || agents;

function check(what, ok) {
  if (!ok) throw new Error(what);
  console.log('ok ' + what);
}

function fetch(url, options) {
  return new Promise((resolve, reject) => {
    (url.startsWith('https') ? https : http)
      .get(url, options, (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part));
        answer.on('end', () => resolve({status: answer.statusCode, body: Buffer.concat(parts)}));
      })
      .on('error', reject);
  });
}

async function main() {
  const agent = new Agent(proxy);
  const tunnelled = await fetch(secure + 'big', {agent});
  check('https-proxy-agent', tunnelled.status === 200 && tunnelled.body.length === 1 << 20);

  const dispatcher = new undici.ProxyAgent(proxy);
  for (let i = 0; i < 3; ++i) {
    const {statusCode, body} = await undici.request(origin + 'big', {dispatcher});
    check('undici ' + i, statusCode === 200 && (await body.arrayBuffer()).byteLength === 1 << 20);
  }
  await dispatcher.close();

  const server = new WebSocket.Server({port: 0, host: '127.0.0.1'});
  server.on('connection', (peer) => peer.on('message', (data) => peer.send(data)));
  await new Promise((resolve) => server.on('listening', resolve));
  const client = new WebSocket('ws://127.0.0.1:' + server.address().port, {agent});
  const sent = crypto.randomBytes(300000);
  const got = await new Promise((resolve, reject) => {
    client.on('open', () => client.send(sent));
    client.on('message', resolve);
    client.on('error', reject);
  });
  check('ws', Buffer.compare(sent, got) === 0);
  client.terminate();
  server.close();

  // The same without a tunnel: Upgrade in a request in absolute form.
  const plain = http.createServer();
  const echo = new WebSocket.Server({server: plain});
  echo.on('connection', (peer) => peer.on('message', (data) => peer.send(data)));
  await new Promise((resolve) => plain.listen(0, '127.0.0.1', resolve));
  const target = 'ws://127.0.0.1:' + plain.address().port + '/chat';
  const {hostname, port} = new URL(proxy);
  const upgraded = http.request({
    host: hostname, port, path: target.replace('ws:', 'http:'),
    headers: {Host: '127.0.0.1:' + plain.address().port, Connection: 'Upgrade', Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': crypto.randomBytes(16).toString('base64')}});
  upgraded.end();
  const socket = await new Promise((resolve, reject) => {
    upgraded.on('upgrade', (answer, upgradedSocket) => resolve(upgradedSocket));
    upgraded.on('response', (answer) => reject(new Error('no upgrade: ' + answer.statusCode)));
    upgraded.on('error', reject);
  });
  socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])); // "hi", masked with zeros
  const frame = await new Promise((resolve) => socket.once('data', resolve));
  check('upgrade', frame.subarray(-2).toString() === 'hi');
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
