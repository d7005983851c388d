package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what should come at once.
const patience = 30 * time.Second

// endurance is how long it waits for much work to be done, which on a busy machine takes its time.
const endurance = 5 * time.Minute

// process is a program that runs beside the test. It ends with the test; its output is shown if the test fails.
type process struct {
	name   string
	cmd    *exec.Cmd
	stdout output
	stderr output
	ended  chan struct{}
}

// output collects what a process writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// line returns the first whole line with a text in it.
func (o *output) line(text string) (string, bool) {
	for line := range strings.Lines(o.String()) {
		if strings.Contains(line, text) && strings.HasSuffix(line, "\n") {
			return strings.TrimSuffix(line, "\n"), true
		}
	}
	return "", false
}

func start(t testing.TB, name string, env []string, program string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.SysProcAttr = env, &syscall.SysProcAttr{}
	return startCommand(t, name, cmd)
}

// startCommand starts a command that has its environment, and whom it runs as.
func startCommand(t testing.TB, name string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{name: name, cmd: cmd, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	// A test that runs into its timeout cleans nothing up.
	p.cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the state is read where it matters
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s wrote:\n%s%s", p.name, p.stdout.String(), p.stderr.String())
		}
	})
	return p
}

// kill ends the process as a power cut would. One that has ended already stays ended.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

func (p *process) signal(t testing.TB, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
}

// wait waits for the process to end by itself, and returns its exit code.
func (p *process) wait(t testing.TB) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatalf("%s still runs after %s", p.name, patience)
		return -1
	}
}

// await waits until a process has done something.
func (p *process) await(t testing.TB, what string, done func() bool) {
	t.Helper()
	if err := p.until(done); err != nil {
		t.Fatalf("%s: %v, waiting until %s", p.name, err, what)
	}
}

// awaitWork is await for what is much work.
func (p *process) awaitWork(t testing.TB, what string, done func() bool) {
	t.Helper()
	if err := p.within(endurance, done); err != nil {
		t.Fatalf("%s: %v, waiting until %s", p.name, err, what)
	}
}

func (p *process) until(done func() bool) error { return p.within(patience, done) }

func (p *process) within(limit time.Duration, done func() bool) error {
	deadline := time.After(limit)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-p.ended:
			return errors.New("it ended")
		case <-deadline:
			return errors.New("time is over")
		case <-tick.C:
		}
	}
	return nil
}
