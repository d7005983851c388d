package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Own is a server of one test's own, which the test may configure, copy and kill. It ends with the test.
type Own struct {
	server
	program string
	args    []string
	last    string // the signal that ends it at once
}

// NewOwn makes a cluster with these lines in its postgresql.conf, and starts it. Files that a line names can be put into the
// folder by prepare, which may be nil.
func NewOwn(tb testing.TB, prepare func(dir string), settings ...string) *Own {
	tb.Helper()
	b, err := installed()
	must(tb, err)
	o := newOwn(tb)
	must(tb, o.initdb(b.bin))
	if prepare != nil {
		prepare(o.data())
		o.hand(tb, o.data())
	}
	settings = append([]string{"fsync = off", "shared_buffers = 16MB", "max_connections = 100"}, settings...)
	must(tb, appendTo(filepath.Join(o.data(), "postgresql.conf"), strings.Join(settings, "\n")))
	o.postgres(b.bin)
	o.Start(tb)
	return o
}

// Standby makes a hot standby, which follows by streaming, and starts it.
func (o *Own) Standby(tb testing.TB) *Own {
	tb.Helper()
	b, err := installed()
	must(tb, err)
	s := newOwn(tb)
	out, err := s.command(filepath.Join(b.bin, "pg_basebackup"), "-d", o.URL(), "-D", s.data(), "-R", "-X", "stream", "-c", "fast",
		"--no-sync").CombinedOutput()
	if err != nil {
		tb.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	s.postgres(b.bin)
	s.Start(tb)
	return s
}

// Bouncer starts PgBouncer in transaction mode before the server, with this many connections to it, and returns the URL of a
// database that leads through it.
func (o *Own) Bouncer(tb testing.TB, connections int) string {
	tb.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer" // Debian's, which is not in everybody's path
	}
	b := newOwn(tb)
	config := filepath.Join(b.dir, "pgbouncer.ini")
	must(tb, appendTo(config, fmt.Sprintf("[databases]\n* = host=127.0.0.1 port=%d user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"+
		"listen_port = %d\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = %d\nmax_client_conn = 500",
		o.port, b.port, connections)))
	b.hand(tb, config)
	b.program, b.args, b.last = program, []string{config}, "TERM"
	b.Start(tb)
	return b.URL()
}

// newOwn makes the folder.
func newOwn(tb testing.TB) *Own {
	tb.Helper()
	dir, err := os.MkdirTemp("", "pgtest-")
	must(tb, err)
	o := &Own{server: server{dir: dir}}
	tb.Cleanup(func() {
		o.end()
		_ = os.RemoveAll(dir)
	})
	o.hand(tb, dir)
	o.port, err = freePort()
	must(tb, err)
	return o
}

func (o *Own) postgres(bin string) {
	o.program, o.last = filepath.Join(bin, "postgres"), "QUIT"
	o.args = []string{"-D", o.data(), "-h", "127.0.0.1", "-p", strconv.Itoa(o.port), "-k", o.dir}
}

// URL is that of the server's own database, postgres.
func (o *Own) URL() string { return o.url() }

// Database makes an empty database and returns its URL.
func (o *Own) Database(tb testing.TB, name string) string {
	tb.Helper()
	must(tb, run(o.URL(), "CREATE DATABASE "+name))
	return strings.Replace(o.URL(), "/postgres?", "/"+name+"?", 1)
}

// Start starts the server, again if it was killed, on the same port, and returns when it answers. A shell stands beside it
// and ends it with this process.
func (o *Own) Start(tb testing.TB) {
	tb.Helper()
	var err error
	for patience := time.Now().Add(30 * time.Second); time.Now().Before(patience); time.Sleep(50 * time.Millisecond) {
		if err = o.try(); err == nil {
			return
		}
		o.end()
	}
	log, _ := os.ReadFile(o.log())
	tb.Fatalf("%s does not start: %v\n%s", o.program, err, log)
}

func (o *Own) try() error {
	const guard = `exec 3<&0; "$@" </dev/null 3<&- & server=$!; { cat <&3 >/dev/null; kill -$0 $server; } & wait $server`
	o.cmd = o.command("/bin/sh", append([]string{"-c", guard, o.last, o.program}, o.args...)...)
	log, err := os.OpenFile(o.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	o.cmd.Stdout, o.cmd.Stderr = log, log
	if o.guard, err = o.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := o.cmd.Start(); err != nil {
		return err
	}
	o.ended = make(chan struct{})
	go func(ended chan struct{}, cmd *exec.Cmd) {
		_ = cmd.Wait()
		close(ended)
	}(o.ended, o.cmd)
	for range 500 {
		if err = run(o.URL(), "SELECT 1"); err == nil {
			return nil
		}
		select {
		case <-o.ended:
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
	return err
}

// Kill kills every process of the server, as a machine that goes down does.
func (o *Own) Kill(tb testing.TB) {
	tb.Helper()
	o.signal(tb, syscall.SIGKILL)
	o.end()
}

// Freeze stops every process of the server: connections stay open, and nobody answers, until Thaw.
func (o *Own) Freeze(tb testing.TB) { tb.Helper(); o.signal(tb, syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (o *Own) Thaw(tb testing.TB) { tb.Helper(); o.signal(tb, syscall.SIGCONT) }

func (o *Own) signal(tb testing.TB, sig syscall.Signal) {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(o.data(), "postmaster.pid"))
	must(tb, err)
	first, _, _ := strings.Cut(string(text), "\n")
	out, err := exec.Command("pgrep", "-P", first).Output() // backends have process groups of their own
	must(tb, err)
	for _, one := range append([]string{first}, strings.Fields(string(out))...) {
		pid, err := strconv.Atoi(one)
		must(tb, err)
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			tb.Fatal(err)
		}
	}
}

// end ends the server, if it runs.
func (o *Own) end() {
	if o.guard == nil {
		return
	}
	_ = o.guard.Close()
	select {
	case <-o.ended:
	case <-time.After(20 * time.Second):
		_ = syscall.Kill(-o.cmd.Process.Pid, syscall.SIGKILL)
		<-o.ended
	}
	o.guard = nil
}

// hand gives a file, or a folder and what is in it, to the user whom the server runs as.
func (o *Own) hand(tb testing.TB, path string) {
	tb.Helper()
	if os.Getuid() != 0 {
		return
	}
	must(tb, filepath.Walk(path, func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	}))
}

// CatchUp waits until a standby has replayed all that its primary has written.
func (o *Own) CatchUp(tb testing.TB, primary *Own) {
	tb.Helper()
	var written, replayed string
	ask(tb, primary.URL(), "SELECT pg_current_wal_lsn()::text", &written)
	for patience := time.Now().Add(time.Minute); replayed != "true"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(patience) {
			tb.Fatal("the standby does not follow")
		}
		ask(tb, o.URL(), "SELECT (pg_last_wal_replay_lsn() >= '"+written+"'::pg_lsn)::text", &replayed)
	}
}

func ask(tb testing.TB, address, sql string, answer *string) {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), address)
	must(tb, err)
	defer conn.Close(context.Background())
	must(tb, conn.QueryRow(tb.Context(), sql).Scan(answer))
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text+"\n")
	return errors.Join(err, f.Close())
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
