package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"idpool/internal/pgtest"
	"idpool/pooltest"
	"idpool/server"
	"idpool/store"
	"idpool/wire"
)

// visitor holds what a node has given out, to be shown to nodes on other databases.
type visitor struct {
	pool, id, token, session string
	logins                   pooltest.Object
	credentials, user        wire.Key
}

func visit(t *testing.T, node *pooltest.Node, idp *pooltest.Provider) *visitor {
	t.Helper()
	v := &visitor{pool: node.Pool(t, idp), logins: pooltest.Object{idp.Name(): idp.Token("app", "a\x00é")}}
	v.id = v.getID(t, node)
	in := pooltest.Object{"IdentityId": v.id, "Logins": v.logins}
	c := node.Public(t, "GetCredentialsForIdentity", in).Must(t).Object(t)["Credentials"].(pooltest.Object)
	v.credentials = wire.Key{Secret: c["SecretKey"].(string), Caller: wire.Caller{AccessKeyID: c["AccessKeyId"].(string)}}
	v.session = c["SessionToken"].(string)
	v.token = node.Public(t, "GetOpenIdToken", in).Must(t).Object(t)["Token"].(string)
	v.user = node.User(t, "Alice", pooltest.AdministratorPolicy)
	node.IAM(t, "CreateSAMLProvider", "Name", "corp", "SAMLMetadataDocument", pooltest.NewSAMLProvider(t).Metadata()).Must(t)
	return v
}

func (v *visitor) getID(t *testing.T, node *pooltest.Node) string {
	t.Helper()
	return node.Public(t, "GetId", pooltest.Object{"IdentityPoolId": v.pool, "Logins": v.logins}).Must(t).Object(t)["IdentityId"].(string)
}

// returns shows a node what another has given out, before a move.
func (v *visitor) returns(t *testing.T, node *pooltest.Node) {
	t.Helper()
	if id := v.getID(t, node); id != v.id {
		t.Errorf("the identity was %s and is %s", v.id, id)
	}
	node.STS(t, v.credentials, v.session, "GetCallerIdentity").Must(t)
	node.STS(t, v.user, "", "GetCallerIdentity").Must(t)
	node.STS(t, wire.Key{}, "", "AssumeRoleWithWebIdentity", "RoleArn", "arn:aws:iam::"+pooltest.Account+":role/Auth",
		"RoleSessionName", "session", "WebIdentityToken", v.token).Must(t)
	if fresh := node.Public(t, "GetId", pooltest.Object{"IdentityPoolId": v.pool}).Must(t); fresh.Object(t)["IdentityId"] == v.id {
		t.Error("a guest got the user's identity")
	}
}

// on is a node's configuration on a database, with a data directory.
func on(database, data string, key []byte) func(*server.Config) {
	return func(c *server.Config) {
		c.Database, c.Data, c.MasterKey, c.IssuerURL, c.SigningAlgorithm = database, data, key, "http://127.0.0.1:1", "ES256"
	}
}

// What was given out before a move is good after it, and after the way back; and the master key, if it was kept beside what
// it seals, is so again.
func TestMove(t *testing.T) {
	for name, key := range map[string][]byte{"key kept": nil, "key given": bytes.Repeat([]byte{7}, store.MasterKeySize)} {
		t.Run(name, func(t *testing.T) {
			one, two, three := t.TempDir(), pgtest.Start(t)(t), filepath.Join(t.TempDir(), "data")
			first := filepath.Join(one, "idpool.db")
			move := func(from, to string) *server.Moved {
				t.Helper()
				moved, err := server.Move(t.Context(), server.MoveConfig{From: from, To: to, MasterKey: key})
				if err != nil {
					t.Fatal(err)
				}
				return moved
			}
			idp := pooltest.NewProvider(t)
			node := pooltest.Start(t, on(first, one, key))
			v := visit(t, node, idp)
			node.Stop()
			there := move(first, two)
			if key != nil {
				hasNoMasterKey(t, two)
			}
			node = pooltest.Start(t, on(two, t.TempDir(), key))
			v.returns(t, node)
			node.Stop()

			back := move(two, filepath.Join(three, "idpool.db"))
			if there.MasterKey == back.MasterKey && key == nil {
				t.Errorf("the master key is %s in both databases", back.MasterKey)
			}
			node = pooltest.Start(t, on(filepath.Join(three, "idpool.db"), three, key))
			v.returns(t, node)
			want, _ := os.ReadFile(filepath.Join(one, "master.key"))
			got, _ := os.ReadFile(filepath.Join(three, "master.key"))
			if !bytes.Equal(want, got) || (want == nil) != (key != nil) {
				t.Errorf("master.key had %d bytes and has %d", len(want), len(got))
			}
			if info, err := os.Stat(filepath.Join(three, "master.key")); err == nil && info.Mode() != 0o600 {
				t.Errorf("master.key has the mode %v", info.Mode())
			}
		})
	}
}

// A move tells the issuer's URL that the source has. A node that was given none has stored none.
func TestMoveTellsTheIssuer(t *testing.T) {
	for _, issuerURL := range []string{"", "https://id.example.com"} {
		data := t.TempDir()
		file := filepath.Join(data, "idpool.db")
		pooltest.Start(t, on(file, data, nil), func(c *server.Config) { c.IssuerURL = issuerURL }).Stop()
		moved, err := server.Move(t.Context(), server.MoveConfig{From: file, To: pgtest.Start(t)(t)})
		if err != nil {
			t.Fatal(err)
		}
		if moved.IssuerURL != issuerURL {
			t.Errorf("of %q it tells %q", issuerURL, moved.IssuerURL)
		}
	}
}

// A node is found while it runs; what an interrupted move leaves no node serves; a repeated move makes it good.
func TestMoveInterrupted(t *testing.T) {
	data, database := t.TempDir(), pgtest.Start(t)(t)
	file := filepath.Join(data, "idpool.db")
	config := server.MoveConfig{From: file, To: database}
	node := pooltest.Start(t, on(file, data, nil))
	v := visit(t, node, pooltest.NewProvider(t))
	if _, err := server.Move(t.Context(), config); err == nil || err.Error() != "a node runs in "+data+": stop it, then move" {
		t.Errorf("while the node runs: %v", err)
	}
	elsewhere := config
	elsewhere.Data = t.TempDir() // which is not the node's
	if _, err := server.Move(t.Context(), elsewhere); err == nil || err.Error() != "a node runs on "+file+": stop it, then move" {
		t.Errorf("while the node runs, and its data directory is not given: %v", err)
	}
	node.Stop()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	config.Progress = func(p store.MoveProgress) {
		if p.Table == "logins" {
			cancel()
		}
	}
	if _, err := server.Move(ctx, config); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	c := server.Config{Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler), Out: io.Discard, Now: time.Now}
	on(database, t.TempDir(), nil)(&c)
	if _, err := server.Open(t.Context(), c); !errors.Is(err, store.ErrMoving) || strings.Contains(err.Error(), "\n") {
		t.Errorf("a node on what is there: %v", err)
	}
	config.Progress = nil
	if _, err := server.Move(t.Context(), config); err != nil {
		t.Fatalf("repeated: %v", err)
	}
	v.returns(t, pooltest.Start(t, on(database, t.TempDir(), nil)))
}

// What a move refuses because of files and keys; what it refuses because of the databases is in package store.
func TestMoveRefuses(t *testing.T) {
	data := t.TempDir()
	file := filepath.Join(data, "idpool.db")
	pooltest.Start(t, on(file, data, nil)).Stop()
	server1, server2 := pgtest.Start(t)(t), pgtest.Start(t)(t)
	if _, err := server.Move(t.Context(), server.MoveConfig{From: file, To: server1}); err != nil {
		t.Fatal(err)
	}
	lost, taken := t.TempDir(), t.TempDir()
	content, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(filepath.Join(lost, "idpool.db"), content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(taken, "master.key"), []byte(strings.Repeat("A", 43)+"="), 0o600); err != nil {
		t.Fatal(err)
	}
	other := bytes.Repeat([]byte{9}, store.MasterKeySize)
	for name, row := range map[string]struct {
		from, to string
		key      []byte
		want     string
	}{
		"two files":                    {file, file + ".new", nil, "give a file and a postgres:// URL"},
		"two servers":                  {server1, server2, nil, "give a file and a postgres:// URL"},
		"a scheme with a slip":         {"postgre://u:secret@h/db", file, nil, "--from: a database URL begins with sqlite:, postgres:// or postgresql://, not with postgre://"},
		"no file":                      {file + ".not", server2, nil, "--from: stat " + file + ".not: no such file or directory"},
		"the key's file is lost":       {filepath.Join(lost, "idpool.db"), server2, nil, "master key: the source keeps none: give the one"},
		"another key":                  {file, server2, other, "sealed with another master key"},
		"another key of a server":      {server1, filepath.Join(lost, "new.db"), other, "sealed with another master key"},
		"a folder with another's key":  {server1, filepath.Join(taken, "idpool.db"), nil, "is another deployment's: move into another folder"},
		"a server that is there, full": {file, server1, nil, "the target is not empty"},
	} {
		_, err := server.Move(t.Context(), server.MoveConfig{From: row.from, To: row.to, MasterKey: row.key})
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", name, err, row.want)
		}
	}
	if _, err := os.Stat(filepath.Join(lost, "master.key")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a refused move has written a master key: %v", err)
	}
}
