package server

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"idpool/audit"
	"idpool/wire"
)

// auditToOut is Config.AuditLog of a node that writes its events on standard output.
const auditToOut = "-"

// auditLog is the node's audit, and the file that it is in.
type auditLog struct {
	*audit.Log
	file *auditFile // nil: standard output
}

// Close writes what waits, and closes the file.
func (l *auditLog) Close() {
	l.Log.Close()
	if l.file != nil {
		_ = l.file.current.Close()
	}
}

// openAudit starts the audit. A node whose audit cannot be opened does not start; what happens to it later does not stop the
// node (audit.Config.Failed).
func (s *Server) openAudit() error {
	c := &s.config
	if c.AuditLog == "" {
		return nil
	}
	l := &auditLog{}
	out := c.Out
	if c.AuditLog != auditToOut {
		l.file = &auditFile{path: c.AuditLog}
		if err := l.file.reopen(); err != nil {
			return fmt.Errorf("--audit-log: %w", err)
		}
		out = l.file
	}
	l.Log = audit.New(audit.Config{Out: out, Rand: c.Rand, Now: c.Now, Failed: s.auditFailed})
	s.audit = l
	return nil
}

// auditFailed is loud, and no more: to refuse every sign-in because a disk is full would let whoever can fill it stop
// everything.
func (s *Server) auditFailed(err error, lost int) {
	if err == nil {
		s.config.Log.Error("audit events were lost; none are at this time", "lost", lost)
		return
	}
	s.config.Log.Error("audit events are lost; see to --audit-log and its disk", "lost", lost, "error", err.Error())
}

// ReopenAudit opens the file of the audit anew, after somebody has moved it away. If that fails the old one is written on.
func (s *Server) ReopenAudit() {
	if s.audit == nil || s.audit.file == nil {
		return
	}
	if err := s.audit.file.reopen(); err != nil {
		s.config.Log.Error("the audit log was not opened anew; the old file is written on", "error", err.Error())
		return
	}
	s.config.Log.Info("opened the audit log anew", "file", s.config.AuditLog)
}

// auditFile is a file that can be changed for another of the same name between two writes.
type auditFile struct {
	path    string
	mu      sync.Mutex
	current *os.File
}

var _ io.Writer = (*auditFile)(nil)

func (f *auditFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current.Write(p)
}

func (f *auditFile) reopen() error {
	opened, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current != nil {
		_ = f.current.Close()
	}
	f.current = opened
	return nil
}

// event carries a call over to the audit, which knows nothing of wire.
func event(c *wire.Call, now time.Time) *audit.Call {
	e := &audit.Call{
		Time: now, Service: c.Service, Operation: c.Operation, RequestID: c.RequestID, Remote: c.Remote, UserAgent: c.UserAgent(),
		Pool: c.About(), Code: c.Code, Message: c.Message, Request: c.Request(audit.Hidden), Response: c.Reply(),
	}
	if c.Cause != nil {
		e.Cause = c.Cause.Error()
	}
	if c.Signed() {
		e.Caller = &audit.Caller{
			Account: c.Caller.Account, Region: c.Caller.Region, AccessKeyID: c.Caller.AccessKeyID, ARN: c.Caller.ARN,
			UserID: c.Caller.UserID, Root: c.Caller.Root,
		}
	}
	return e
}
