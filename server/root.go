package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"idpool/iam"
	"idpool/store"
)

// rootCredentialsName is the file of the root's key in the data directory, a profile as the AWS SDKs read it, mode 0600.
const rootCredentialsName = "root-credentials"

func (s *Server) rootCredentials() string { return filepath.Join(s.config.Data, rootCredentialsName) }

// drawRoot draws a root key and writes its file, before the key is in the database: a key that is there and nowhere else
// would be lost. An earlier file is kept beside it, since it may hold the only copy of another database's key.
func (s *Server) drawRoot() error {
	root, err := iam.DrawKey(s.config.Rand, s.master)
	if err != nil {
		return err
	}
	path := s.rootCredentials()
	switch err := os.Rename(path, path+".old"); {
	case err == nil:
		s.config.Log.Warn("the data directory had root credentials that this database does not know; they are kept", "path", path+".old")
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("keep the earlier root credentials: %w", err)
	}
	profile := fmt.Sprintf("[idpool]\naws_access_key_id = %s\naws_secret_access_key = %s\n", root.ID, root.Secret)
	if err := writeFile(path, []byte(profile)); err != nil {
		return fmt.Errorf("write the root credentials: %w", err)
	}
	s.newRoot = &root
	return nil
}

// forgetRoot removes the file of a key that was drawn and is not the root's.
func (s *Server) forgetRoot() error {
	if s.newRoot == nil {
		return nil
	}
	s.newRoot = nil
	return os.Remove(s.rootCredentials())
}

// takeBackRoot ends a start whose root key was not stored because of an error. Where that leaves open whether it was, the
// file stays: it would be the key's only copy.
func (s *Server) takeBackRoot(err error) error {
	if errors.Is(err, store.ErrUnknownOutcome) {
		return nil
	}
	return s.forgetRoot()
}

var accessKeyLine = regexp.MustCompile(`(?m)^\s*aws_access_key_id\s*=\s*(\S+)`)

// checkRootCredentials warns of a file that names no root key of the database: a start that drew it died before it was
// stored, and another node's key was, or the directory has served another database. It is not removed, since it may hold
// that database's only root key, or what the operator has put there.
func (s *Server) checkRootCredentials(d *deployment) error {
	path := s.rootCredentials()
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("read the root credentials: %w", err)
	}
	var named []string
	for _, line := range accessKeyLine.FindAllStringSubmatch(string(text), -1) {
		if slices.Contains(d.rootKeys, line[1]) {
			return nil // beside it may be keys of others
		}
		named = append(named, line[1])
	}
	if len(named) > 0 {
		s.config.Log.Warn("the root credentials in the data directory are not those of this database; remove the file unless it "+
			"belongs to another one. Without the right ones, start with IDPOOL_ROOT_ACCESS_KEY_ID and IDPOOL_ROOT_SECRET_ACCESS_KEY",
			"path", path, "access_key_id", strings.Join(named, ","))
	}
	return nil
}
