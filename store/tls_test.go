package store

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"idpool/internal/pgtest"
)

// authority signs certificates for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	template := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.file, _ = a.sign(t, t.TempDir(), "ca", template)
	return a
}

// sign writes a certificate, which an authority without one signs by itself, and its key.
func (a *authority) sign(t *testing.T, dir, name string, template *x509.Certificate) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template.Subject = pkix.Name{CommonName: name}
	template.SerialNumber, template.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, private
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, private.Public(), signer)
	must(t, err)
	if a.cert == nil {
		a.key = private
		a.cert, err = x509.ParseCertificate(der)
		must(t, err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	cert, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return cert, key
}

// access is who may come in how: the owner with a password, the holder of a certificate without, and the test.
const access = "hostssl idpool app all scram-sha-256\nhostssl idpool bearer all cert\nhostssl all postgres 127.0.0.1/32 trust\n" +
	"hostnossl all postgres 127.0.0.1/32 trust\n"

// TestDatabaseTLS opens a database of a role that is no superuser over TLS, and reads what the refusals say.
func TestDatabaseTLS(t *testing.T) {
	ours, other := newAuthority(t), newAuthority(t)
	server := pgtest.NewOwn(t, func(dir string) {
		ours.sign(t, dir, "server", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
		ca, err := os.ReadFile(ours.file)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, "ca.crt"), ca, 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "pg_hba.conf"), []byte(access), 0o600))
	}, "ssl = on", "ssl_cert_file = 'server.crt'", "ssl_key_file = 'server.key'", "ssl_ca_file = 'ca.crt'")
	direct := pgDirect(t, server.URL())
	pgExec(t, direct, "CREATE ROLE app LOGIN PASSWORD 'hush'; CREATE ROLE bearer LOGIN; GRANT app TO bearer")
	pgExec(t, direct, "CREATE DATABASE idpool OWNER app")
	cert, key := ours.sign(t, t.TempDir(), "bearer", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	stranger, strangersKey := other.sign(t, t.TempDir(), "bearer", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})

	address := strings.TrimSuffix(strings.TrimPrefix(server.URL(), "postgres://postgres@"), "/postgres?sslmode=disable")
	byName := strings.Replace(address, "127.0.0.1", "localhost", 1)
	full := "/idpool?sslmode=verify-full&sslrootcert="
	for _, row := range []struct {
		name, url string
		want      string // of the error; empty: it opens
	}{
		{"an authority that is named", "app:hush@" + address + full + ours.file, ""},
		{"the password in the query", "app@" + address + full + ours.file + "&password=hush", ""},
		{"a client's certificate", "bearer@" + address + full + ours.file + "&sslcert=" + cert + "&sslkey=" + key, ""},
		{"another authority", "app:hush@" + address + full + other.file, "by sslrootcert in the URL"},
		{"an authority of the system's", "app:hush@" + address + "/idpool?sslmode=verify-full", "by sslrootcert in the URL"},
		{"another name", "app:hush@" + byName + full + ours.file, "the server's certificate is for another name"},
		{"no such file", "app:hush@" + address + full + "/no/such/file", "/no/such/file"},
		{"another mode", "app:hush@" + address + "/idpool?sslmode=full", "sslmode is invalid"},
		{"without TLS", "app:hush@" + address + "/idpool?sslmode=disable", "no encryption"},
		{"a wrong password", "app:hush-hush@" + address + full + ours.file, "password authentication failed"},
		{"another's certificate", "bearer@" + address + full + ours.file + "&sslcert=" + stranger + "&sslkey=" + strangersKey, "failed to connect"}, // the server's alert may come too late to be read
		{"no client's certificate", "bearer@" + address + full + ours.file, "valid client certificate"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var log bytes.Buffer
			debug := slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})
			db, err := Open(t.Context(), "postgres://"+row.url, Options{Log: slog.New(debug)})
			if err == nil {
				err = errors.Join(db.Update(t.Context(), put(row.name)), db.Close())
			}
			if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
				t.Errorf("%v", err)
			}
			if err != nil && strings.Contains(err.Error(), "hush") || strings.Contains(log.String(), "hush") {
				t.Errorf("the password is told: %v\n%s", err, log.String())
			}
		})
	}
	var encrypted bool
	db := openAt(t, "postgres://app:hush@"+address+full+ours.file, Options{})
	q := fixed(`SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`)
	must(t, db.View(t.Context(), func(tx *Tx) error { return tx.row(q, nil, &encrypted) }))
	if !encrypted {
		t.Error("the connection is not encrypted")
	}
}
