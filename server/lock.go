package server

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"idpool/store"
)

// Files in the data directory, unless the operator names others.
const (
	lockName     = "lock"
	databaseName = "idpool.db"
)

// locks are what a process has for itself alone while it runs. The kernel gives them back however it ends.
type locks []*os.File

// Close gives the locks back. Their files stay: to remove one is to let two processes hold it.
func (l locks) Close() error {
	var failed error
	for _, f := range l {
		failed = errors.Join(failed, f.Close())
	}
	return failed
}

// lockNode makes the data directory and takes it for this process, and with it the database's file if that is SQLite: its
// users may have named different directories. The error is a *runningError where another process has either.
func lockNode(data, database string) (locks, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	directory, err := lockFile(filepath.Join(data, lockName), nil)
	if errors.Is(err, errLocked) {
		return nil, &runningError{"in " + data, "directory by --data"}
	}
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	file := store.File(database)
	if file == "" { // on PostgreSQL, or nothing that can be opened
		return locks{directory}, nil
	}
	beside, err := lockFile(lockOf(file), directory)
	switch {
	case err == nil:
		return locks{directory, beside}, nil
	case errors.Is(err, errOurs), errors.Is(err, os.ErrNotExist): // a folder that is missing is told by who opens the file
		return locks{directory}, nil
	}
	_ = directory.Close()
	if errors.Is(err, errLocked) {
		return nil, &runningError{"on " + file, "file by --database"}
	}
	return nil, fmt.Errorf("lock the database's file: %w", err)
}

// lockOf is what is locked for a SQLite file. It is not the file itself: closing that would end SQLite's own locks on it. With
// the usual name the file belongs to a data directory, and goes by that one's lock.
func lockOf(file string) string {
	if filepath.Base(file) == databaseName {
		return filepath.Join(filepath.Dir(file), lockName)
	}
	return file + ".lock"
}

// What lockFile finds locked.
var (
	errOurs   = errors.New("locked by this process")
	errLocked = errors.New("locked by another process")
)

// lockFile makes and locks a file. It returns errOurs if that is the one that this process has, by whatever name.
func lockFile(path string, ours *os.File) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if same, err := sameFile(f, ours); err != nil || same {
		_ = f.Close()
		return nil, cmp.Or(err, errOurs)
	}
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		_ = f.Close()
		return nil, errLocked
	case err != nil:
		_ = f.Close()
		return nil, &os.PathError{Op: "flock", Path: path, Err: err}
	}
	return f, nil
}

// sameFile tells whether two open files are one, by whatever names; b may be nil.
func sameFile(a, b *os.File) (bool, error) {
	if b == nil {
		return false, nil
	}
	one, err := a.Stat()
	if err != nil {
		return false, err
	}
	other, err := b.Stat()
	return err == nil && os.SameFile(one, other), err
}

// runningError says that a data directory or a database's file is another process's.
type runningError struct{ where, other string }

func (e *runningError) Error() string {
	return fmt.Sprintf("another idpool runs %s: stop it, or choose another %s", e.where, e.other)
}
