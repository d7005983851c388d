package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"idpool/store"
)

// MoveConfig says what to move. One of the two databases is a SQLite file and the other a postgres:// URL.
type MoveConfig struct {
	From, To  string
	Data      string // data directory of the SQLite side's node; empty: the file's own folder
	MasterKey []byte // the operator's, which stays with the operator; nil: the one that the source keeps moves along
	Log       *slog.Logger
	Progress  func(store.MoveProgress) // nil: nobody is told
}

// Moved is what a move has done.
type Moved struct {
	Tables    []store.MovedTable
	MasterKey string // where nodes on the target find the master key, for a person to read
	IssuerURL string // as the source has it; empty: its node issued tokens as its listen address, which nothing has kept
}

// mover is one move in its steps.
type mover struct {
	MoveConfig
	*store.Mover
	key  []byte
	path string // of the master key on the SQLite side
}

// Move moves a whole deployment from SQLite to PostgreSQL or back, offline. An error is a *UsageError, or says what to do;
// the source is as it was, and the target is one that no node serves until a repeated move has succeeded.
func Move(ctx context.Context, c MoveConfig) (*Moved, error) {
	m := &mover{MoveConfig: c}
	locks, err := m.lock()
	if err != nil {
		return nil, err
	}
	defer func() { _ = locks.Close() }()
	if m.Mover, err = store.OpenMove(ctx, c.From, c.To, store.Options{Log: c.Log}); err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	m.Mover.Progress = c.Progress
	if err := m.findKey(ctx); err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	issuerURL, err := m.Setting(ctx, store.SettingIssuerURL)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if err := m.Copy(ctx); err != nil {
		return nil, err
	}
	where, err := m.keepKey()
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	tables, err := m.Finish(ctx)
	return &Moved{tables, where, string(issuerURL)}, err
}

// lock takes the SQLite side's file and data directory, so that no node runs there, nor starts.
func (m *mover) lock() (locks, error) {
	for flag, url := range map[string]string{"--from": m.From, "--to": m.To} {
		if err := store.CheckURL(url); err != nil {
			return nil, usage("%s: %v", flag, err)
		}
	}
	file := m.From
	if isPostgres(file) {
		file = m.To
	}
	if isPostgres(file) || !isPostgres(m.From) && !isPostgres(m.To) {
		return nil, usage("a move goes from SQLite to PostgreSQL, or back: give a file and a postgres:// URL to --from and --to")
	}
	m.path = masterKeyPath(file)
	if m.Data == "" {
		m.Data = filepath.Dir(m.path)
	}
	if file == m.From {
		if _, err := os.Stat(strings.TrimPrefix(file, "sqlite:")); err != nil {
			return nil, fmt.Errorf("--from: %w", err)
		}
	}
	taken, err := lockNode(m.Data, file)
	var running *runningError
	if errors.As(err, &running) {
		err = fmt.Errorf("a node runs %s: stop it, then move", running.where)
	}
	return taken, err
}

// findKey finds the key that the source is sealed with, as a node on it would.
func (m *mover) findKey(ctx context.Context) (err error) {
	m.key = m.MoveConfig.MasterKey
	switch {
	case m.key != nil:
	case isPostgres(m.From):
		m.key, err = m.Setting(ctx, store.SettingMasterKey)
	default:
		m.key, err = readMasterKey(m.path)
	}
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return errors.New("the source keeps none: give the one that its nodes are given, by --master-key-file or IDPOOL_MASTER_KEY")
	}
	if err == nil {
		err = m.CheckMaster(ctx, m.key)
	}
	if err != nil || m.MoveConfig.MasterKey != nil {
		return err
	}
	if isPostgres(m.To) {
		m.Mover.MasterKey = m.key
		return nil
	}
	switch there, err := readMasterKey(m.path); {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !bytes.Equal(there, m.key):
		return fmt.Errorf("%s is another deployment's: move into another folder", m.path)
	}
	return nil
}

// keepKey writes the file of the master key where it belongs to the target, and says where the key is.
func (m *mover) keepKey() (where string, err error) {
	switch {
	case m.MoveConfig.MasterKey != nil:
		return "yours alone: give it to the nodes as before", nil
	case isPostgres(m.To):
		return "in the database", nil
	}
	return m.path, writeMasterKey(m.path, m.key)
}
