//go:build unix

package store

import (
	"net"
	"syscall"
)

// severed tells whether a connection on which nothing is asked has bytes to read, or its end: the server's farewell. It
// neither waits nor takes the bytes. A false answer promises nothing.
func severed(conn net.Conn) (yes bool) {
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok { // *tls.Conn
		conn = secure.NetConn()
	}
	plain, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := plain.SyscallConn()
	if err != nil {
		return false
	}
	// Not raw.Read: that would wait for the reader that pgx leaves behind after a slow write.
	err = raw.Control(func(fd uintptr) {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		yes = err != syscall.EAGAIN && err != syscall.EINTR
	})
	return yes || err != nil
}
