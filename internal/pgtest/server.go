package pgtest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// nobody is who the server runs as when the tests run as root: PostgreSQL refuses to run as root.
const nobody = 65534

// server is a running PostgreSQL server of this process.
type server struct {
	dir   string // everything it has
	libs  string // where its programs find their libraries; empty for the system's places
	port  int
	cmd   *exec.Cmd
	guard io.Closer // the server ends when this is closed, and so when this process ends in any way
	ended chan struct{}
}

// startServer makes a cluster and starts it.
func startServer(b *build) (_ *server, err error) {
	dir, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, ended: make(chan struct{})}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if os.Getuid() == 0 {
		if err := os.Chown(dir, nobody, nobody); err != nil {
			return nil, err
		}
	}
	if b.native != "" {
		if b, err = b.copyTo(filepath.Join(dir, "native")); err != nil {
			return nil, err
		}
		s.libs = filepath.Join(dir, "native", "lib")
	}
	if err := s.initdb(b.bin); err != nil {
		return nil, err
	}
	if err := s.launch(b.bin); err != nil {
		return nil, err
	}
	return s, s.await()
}

// initdb makes the cluster. Its collation is English where the server was built with ICU, so that a query that leaves its
// order to the collation, and not to the bytes, is found out.
func (s *server) initdb(bin string) error {
	plain := []string{"-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"}
	english := append(slices.Clone(plain), "--locale-provider=icu", "--icu-locale=en")
	if s.command(filepath.Join(bin, "initdb"), english...).Run() == nil {
		return nil
	}
	if err := os.RemoveAll(s.data()); err != nil {
		return err
	}
	if out, err := s.command(filepath.Join(bin, "initdb"), plain...).CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func (s *server) data() string { return filepath.Join(s.dir, "data") }

// launch starts the server on a free port. A shell stands beside it, and ends it and removes its folder when standard
// input is closed, which the kernel does even if this process is killed.
func (s *server) launch(bin string) (err error) {
	if s.port, err = freePort(); err != nil {
		return err
	}
	const guard = `"$@" </dev/null & server=$!; cat >/dev/null; kill -QUIT $server; wait $server; cd /; rm -rf "$0"`
	s.cmd = s.command("/bin/sh", "-c", guard, s.dir, filepath.Join(bin, "postgres"), "-D", s.data(),
		"-h", "127.0.0.1", "-p", fmt.Sprint(s.port), "-k", s.dir, "-c", "fsync=off", "-c", "full_page_writes=off",
		"-c", "max_connections=200", "-c", "shared_buffers=32MB")
	log, err := os.Create(s.log())
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if s.guard, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = s.cmd.Wait() // how it ended is in the log
		close(s.ended)
	}()
	return nil
}

func (s *server) log() string { return filepath.Join(s.dir, "log") }

func (s *server) url() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", s.port)
}

// await waits until the server answers.
func (s *server) await() error {
	var err error
	for patience := time.Now().Add(30 * time.Second); time.Now().Before(patience); time.Sleep(20 * time.Millisecond) {
		if err = run(s.url(), "SELECT 1"); err == nil {
			return nil
		}
		if _, gone := os.Stat(filepath.Join(s.data(), "postmaster.pid")); errors.Is(gone, os.ErrNotExist) {
			log, _ := os.ReadFile(s.log())
			if strings.Contains(string(log), "FATAL") {
				break
			}
		}
	}
	log, _ := os.ReadFile(s.log())
	return fmt.Errorf("%w\n%s", err, log)
}

// stop ends the server and removes what it had.
func (s *server) stop() {
	if s.cmd != nil && s.cmd.Process != nil {
		s.guard.Close()
		select {
		case <-s.ended:
		case <-time.After(10 * time.Second):
			_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // the group that command made
			<-s.ended
		}
	}
	_ = os.RemoveAll(s.dir)
}

// command prepares a program in a process group of its own, so that an interrupt from the terminal is left to this process,
// and as nobody if this process is root's.
func (s *server) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = s.dir
	if s.libs != "" {
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+s.libs)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return cmd
}

// nextPort counts ports, from where another test binary hardly begins too.
var nextPort = func() *atomic.Int64 {
	n := new(atomic.Int64)
	n.Store(rand.Int64N(10000))
	return n
}()

// freePort finds a port that nobody listens on, below those that the kernel gives to whoever connects somewhere: a server can
// have it again after it was killed.
func freePort() (int, error) {
	for range 1000 {
		port := 20000 + int(nextPort.Add(1))%10000
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no port is free")
}
