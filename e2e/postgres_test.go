package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// nobodyID is who PostgreSQL runs as when the tests are root's: it refuses to run as root.
const nobodyID = 65534

// postgres is a PostgreSQL server that runs beside the test. A commit is on its disk before it is acknowledged.
type postgres struct {
	*process
	dir  string // its data, below a folder of its own
	port int
}

// startPostgres starts an empty server.
func startPostgres(t testing.TB) *postgres {
	t.Helper()
	s := &postgres{dir: filepath.Join(nobodysFolder(t), "data")}
	runAsNobody(t, postgresProgram(t, "initdb"), "-D", s.dir, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	s.start(t)
	return s
}

// start starts the server on a free port, and waits until it answers.
func (s *postgres) start(t testing.TB, settings ...string) {
	t.Helper()
	s.port = freePort(t)
	args := []string{"-D", s.dir, "-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-k", "", "-c", "shared_buffers=32MB"}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	s.process = startCommand(t, "postgres", asNobody(postgresProgram(t, "postgres"), args...))
	ready := postgresProgram(t, "pg_isready")
	s.await(t, "it answers", func() bool { return exec.Command(ready, "-q", "-d", postgresURL(s.port)).Run() == nil })
}

// startStandby starts a standby of the server. From then on a commit is acknowledged only when it is on both disks.
func (s *postgres) startStandby(t testing.TB) *postgres {
	t.Helper()
	standby := &postgres{dir: filepath.Join(nobodysFolder(t), "data")}
	runAsNobody(t, postgresProgram(t, "pg_basebackup"), "-d", postgresURL(s.port), "-D", standby.dir, "-X", "stream", "-c", "fast", "--no-sync")
	if err := os.WriteFile(filepath.Join(standby.dir, "standby.signal"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	standby.start(t, fmt.Sprintf("primary_conninfo=host=127.0.0.1 port=%d user=postgres application_name=standby", s.port))
	s.sql(t, "ALTER SYSTEM SET synchronous_standby_names = 'standby'")
	s.sql(t, "SELECT pg_reload_conf()")
	s.await(t, "the standby is synchronous", func() bool {
		return s.sql(t, "SELECT sync_state FROM pg_stat_replication") == "sync"
	})
	return standby
}

// sql runs a statement, and returns what it printed.
func (s *postgres) sql(t testing.TB, statement string) string {
	t.Helper()
	return run(t, exec.Command(postgresProgram(t, "psql"), "-XAtqw", "-d", postgresURL(s.port), "-c", statement))
}

// postgresURL leads to whichever of the servers takes writes.
func postgresURL(ports ...int) string {
	var hosts []string
	for _, port := range ports {
		hosts = append(hosts, fmt.Sprintf("127.0.0.1:%d", port))
	}
	url := "postgres://postgres@" + strings.Join(hosts, ",") + "/postgres?sslmode=disable"
	if len(ports) > 1 {
		url += "&target_session_attrs=read-write"
	}
	return url
}

// crash ends the server with all its processes, as a power cut would.
func (s *postgres) crash(t testing.TB) {
	t.Helper()
	s.signalAll(t, syscall.SIGKILL)
	<-s.ended
}

// freeze has the server say nothing any more, and close no connection, as a host would that has lost its network.
func (s *postgres) freeze(t testing.TB) {
	t.Helper()
	s.signalAll(t, syscall.SIGSTOP)
	t.Cleanup(func() { s.crash(t) }) // its processes do not see that the first of them ends
}

// signalAll signals all processes of the server. The first one is stopped before, so that it makes no more of them.
func (s *postgres) signalAll(t testing.TB, signal syscall.Signal) {
	t.Helper()
	s.signal(t, syscall.SIGSTOP)
	children, _ := exec.Command(tool(t, "pgrep", "procps"), "-P", strconv.Itoa(s.cmd.Process.Pid)).Output() // exit code 1: none
	for pid := range strings.FieldsSeq(string(children)) {
		if pid, err := strconv.Atoi(pid); err == nil {
			_ = syscall.Kill(pid, signal)
		}
	}
	s.signal(t, signal)
}

// promote makes a standby the primary, and returns when it is.
func (s *postgres) promote(t testing.TB) {
	t.Helper()
	if promoted := s.sql(t, "SELECT pg_promote()"); promoted != "t" {
		t.Fatalf("the standby is not promoted: %q", promoted)
	}
}

// postgresProgram finds a program of the newest PostgreSQL server installed, or installs it, as root.
func postgresProgram(t testing.TB, name string) string {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	find := func() (program string) {
		newest := 0
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres") // the pattern is a good one
		for _, server := range found {
			folder := filepath.Dir(server)
			if version, err := strconv.Atoi(filepath.Base(filepath.Dir(folder))); err == nil && version > newest {
				newest, program = version, filepath.Join(folder, name)
			}
		}
		return program
	}
	if program := find(); program != "" {
		return program
	}
	aptGet(t, "PostgreSQL", "postgresql")
	return find()
}

// nobodysFolder is a folder for the time of the test that a server may write to.
func nobodysFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "idpool-e2e-server-") // not t.TempDir: only root may look below that
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if os.Getuid() == 0 {
		if err := os.Chown(dir, nobodyID, nobodyID); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// asNobody prepares a command that does not run as root.
func asNobody(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", environ(), &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobodyID, Gid: nobodyID}
	}
	return cmd
}

func runAsNobody(t testing.TB, program string, args ...string) {
	t.Helper()
	if text, err := asNobody(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, text)
	}
}

// nextPort counts ports, from where another run of the tests hardly begins too.
var nextPort = func() *atomic.Int64 {
	n := new(atomic.Int64)
	n.Store(rand.Int64N(10000))
	return n
}()

// freePort finds a port that nobody listens on, below those that the kernel gives to whoever connects somewhere: it can be
// listened on again after a while.
func freePort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := 20000 + int(nextPort.Add(1))%10000
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}
