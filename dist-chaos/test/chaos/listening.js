export async function listen(server) {
    const sockets = new Set();
    server.on('connection', (socket) => {
        sockets.add(socket);
        socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
    });
    await new Promise((resolve, reject) => {
        server.once('error', reject).listen(0, '127.0.0.1', 4096, resolve);
    });
    return { server, port: server.address().port, sockets };
}
export async function close(listening) {
    if (listening === undefined)
        return;
    const closed = new Promise(resolve => listening.server.close(resolve));
    for (const socket of listening.sockets)
        socket.destroy();
    await closed;
}
