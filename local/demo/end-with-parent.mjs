// For --import: ends a program, as kill(1) does, once whoever has started it is gone. Then standard input closes.
process.stdin.on("close", () => process.kill(process.pid, "SIGTERM")).resume();
