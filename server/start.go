package server

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"idpool/store"
)

// masterKeyName is a file in the data directory, of mode 0600.
const masterKeyName = "master.key"

// masterKeyPath is where the master key of a SQLite database is, when the operator gave none.
func masterKeyPath(database string) string {
	return filepath.Join(filepath.Dir(strings.TrimPrefix(database, "sqlite:")), masterKeyName)
}

// findMasterKey takes the operator's master key, or the one that an earlier start has kept, or makes one: beside the SQLite
// file, or in the PostgreSQL database so that another node needs nothing but the database.
func (s *Server) findMasterKey(ctx context.Context) (err error) {
	key := s.config.MasterKey
	switch {
	case key != nil:
	case isPostgres(s.config.Database):
		if key, err = s.masterKeyInDatabase(ctx); err != nil {
			return fmt.Errorf("master key: %w", err)
		}
		s.config.Log.Warn("the master key is in the database, beside what it seals; give one by --master-key-file or IDPOOL_MASTER_KEY")
	default:
		path := masterKeyPath(s.config.Database)
		if key, err = s.masterKeyInFile(path); err != nil {
			return fmt.Errorf("master key: %w", err)
		}
		s.config.Log.Warn("the master key is in a file beside the database; give one by --master-key-file or IDPOOL_MASTER_KEY", "path", path)
	}
	s.master, err = store.NewMaster(key)
	return err
}

func (s *Server) drawMasterKey() ([]byte, error) {
	key := make([]byte, store.MasterKeySize)
	_, err := io.ReadFull(s.config.Rand, key)
	return key, err
}

func (s *Server) masterKeyInFile(path string) ([]byte, error) {
	key, err := readMasterKey(path)
	if errors.Is(err, os.ErrNotExist) {
		if s.found.found {
			return nil, fmt.Errorf("%s is missing, and this database was sealed with a master key: put the file back, or give the key by --master-key-file or IDPOOL_MASTER_KEY", path)
		}
		key, err := s.drawMasterKey()
		if err != nil {
			return nil, err
		}
		return key, writeMasterKey(path, key)
	}
	return key, err
}

func writeMasterKey(path string, key []byte) error {
	return writeFile(path, []byte(base64.StdEncoding.EncodeToString(key)+"\n"))
}

func readMasterKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%s holds no base64: %w", path, err)
	}
	return key, nil
}

func (s *Server) masterKeyInDatabase(ctx context.Context) ([]byte, error) {
	fresh, err := s.drawMasterKey()
	if err != nil {
		return nil, err
	}
	var key []byte
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		key, err = tx.Setting(store.SettingMasterKey)
		if errors.Is(err, store.ErrNotFound) {
			key = fresh
			return tx.CreateSetting(store.SettingMasterKey, fresh)
		}
		return err
	})
	if errors.Is(err, store.ErrExists) { // another node was faster
		err = s.db.View(ctx, func(tx *store.Tx) error {
			key, err = tx.Setting(store.SettingMasterKey)
			return err
		})
	}
	return key, err
}

// writeFile writes a file of mode 0600 that is there whole or not at all, also after a power cut.
func writeFile(path string, content []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	return dir.Sync()
}

// deployment is what a database says of the deployment that it belongs to.
type deployment struct {
	found    bool     // somebody has started on it before
	dev      bool     // --dev made it
	rootKeys []string // the access key ids of the first account's root
	// As they were chosen at the first start; the issuer's URL may be empty.
	account, issuerURL string
}

// readDeployment returns store.ErrMoving for what an interrupted move has left.
func readDeployment(tx *store.Tx) (d deployment, err error) {
	switch _, err := tx.Setting(store.SettingMoving); {
	case err == nil:
		return d, store.ErrMoving
	case !errors.Is(err, store.ErrNotFound):
		return d, err
	}
	settings := make(map[string]string)
	for _, name := range []string{store.SettingAccount, store.SettingDev, store.SettingIssuerURL} {
		value, err := tx.Setting(name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return d, err
		}
		settings[name] = string(value)
	}
	d = deployment{
		account: settings[store.SettingAccount], issuerURL: settings[store.SettingIssuerURL],
		dev: settings[store.SettingDev] != "", found: settings[store.SettingAccount] != "",
	}
	if !d.found {
		return d, nil
	}
	keys, err := tx.AccessKeys(d.account, "")
	for _, k := range keys {
		d.rootKeys = append(d.rootKeys, k.ID)
	}
	return d, err
}

// examine reads what the database has of a deployment, and checks it against what the operator asks for, before anything is
// made.
func (s *Server) examine(ctx context.Context) error {
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		s.found, err = readDeployment(tx)
		return err
	})
	if err != nil {
		return err
	}
	return s.check(&s.found)
}

// settle makes what a new deployment has. Of many nodes that start at once one makes it, and the others find it made.
func (s *Server) settle(ctx context.Context) error {
	d := s.found
	if s.config.RootKey == nil && len(d.rootKeys) == 0 && s.newRoot == nil {
		if err := s.drawRoot(); err != nil {
			return err
		}
	}
	create := func(tx *store.Tx) (err error) {
		d, err = s.create(tx)
		return err
	}
	err := s.db.Update(ctx, create)
	if errors.Is(err, store.ErrExists) { // another node was faster
		err = s.db.Update(ctx, create)
	}
	if err != nil {
		return errors.Join(err, s.takeBackRoot(err))
	}
	s.config.Account, s.config.IssuerURL = d.account, d.issuerURL
	if s.newRoot != nil && !slices.Contains(d.rootKeys, s.newRoot.ID) { // the root has another node's key
		return s.forgetRoot()
	}
	return s.checkRootCredentials(&d)
}

// create is the transaction of settle: it makes what is missing, and returns the deployment as it then is. It may run twice.
func (s *Server) create(tx *store.Tx) (d deployment, err error) {
	if d, err = readDeployment(tx); err != nil {
		return d, err
	}
	if err := s.check(&d); err != nil {
		return d, err
	}
	if !d.found {
		if err := s.createAccount(tx, &d); err != nil {
			return d, err
		}
	}
	if s.newRoot != nil && len(d.rootKeys) == 0 {
		if err := s.newRoot.StoreForRoot(tx, d.account); err != nil {
			return d, err
		}
		d.rootKeys = []string{s.newRoot.ID}
	}
	return d, s.keepIssuerURL(tx, &d)
}

// keepIssuerURL stores the issuer's URL where the operator gives one that is not stored; check has allowed the change.
func (s *Server) keepIssuerURL(tx *store.Tx, d *deployment) error {
	given, stored := s.config.IssuerURL, d.issuerURL
	if given == "" || given == stored {
		return nil
	}
	d.issuerURL = given
	if stored == "" {
		return tx.CreateSetting(store.SettingIssuerURL, []byte(given))
	}
	return tx.ChangeSetting(store.SettingIssuerURL, []byte(given))
}

func (s *Server) createAccount(tx *store.Tx, d *deployment) error {
	d.account = DefaultAccount
	if s.config.Account != "" {
		d.account = s.config.Account
	}
	if err := tx.CreateSetting(store.SettingAccount, []byte(d.account)); err != nil {
		return err
	}
	if s.config.Dev {
		if err := tx.CreateSetting(store.SettingDev, []byte("true")); err != nil {
			return err
		}
	}
	return tx.CreateAccount(d.account)
}

// check compares a deployment with what the operator asks for.
func (s *Server) check(d *deployment) error {
	c := &s.config
	switch {
	case d.found && c.Account != "" && c.Account != d.account:
		return usage("--account %s: the first account of this database is %s", c.Account, d.account)
	case d.found && c.Dev && !d.dev:
		return usage("--dev has root keys that everybody knows, and this database was not made by --dev: choose another directory by --data")
	case c.IssuerURL == "" && d.issuerURL == "" && !isLoopback(hostOf(c.Listen)):
		return usage("--listen %s can be reached from elsewhere: give --issuer-url, the URL that others know this server by", c.Listen)
	case c.IssuerURL == "" && d.issuerURL == "" && isPostgres(s.config.Database):
		return usage("a PostgreSQL database is for many nodes, whose tokens have one issuer: give --issuer-url, the URL that others know them by")
	case c.IssuerURL != "" && d.issuerURL != "" && c.IssuerURL != d.issuerURL && !c.ChangeIssuerURL:
		return fmt.Errorf("--issuer-url %s: tokens of this deployment are issued by %s, and whoever trusts that would trust no new token; "+
			"if that is meant, add --change-issuer-url", c.IssuerURL, d.issuerURL)
	}
	return nil
}
