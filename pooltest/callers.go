package pooltest

import (
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"idpool/wire"
)

// AdministratorPolicy allows everything, as the managed policy of that name does.
const AdministratorPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// User makes a user with these inline policies, and a key of theirs.
func (n *Node) User(t testing.TB, name string, policies ...string) wire.Key {
	t.Helper()
	return n.UserOf(t, n.Root, name, policies...)
}

// UserOf is User in the account of another root.
func (n *Node) UserOf(t testing.TB, root wire.Key, name string, policies ...string) wire.Key {
	t.Helper()
	call := func(action string, params ...string) *Reply {
		r, body := n.Query(t, "2010-05-08", action, append(params, "UserName", name)...)
		return n.Send(t, r, body, root, "", "iam").Must(t)
	}
	call("CreateUser")
	for i, document := range policies {
		call("PutUserPolicy", "PolicyName", fmt.Sprint("P", i), "PolicyDocument", document)
	}
	made := call("CreateAccessKey")
	return wire.Key{Secret: made.Element("SecretAccessKey"), Caller: wire.Caller{AccessKeyID: made.Element("AccessKeyId")}}
}

// Assume signs an identity in by the classic flow, to a role given by its ARN. Params are more of AssumeRoleWithWebIdentity.
func (n *Node) Assume(t testing.TB, role, id string, logins Object, params ...string) (key wire.Key, session string) {
	t.Helper()
	token := n.Public(t, "GetOpenIdToken", Object{"IdentityId": id, "Logins": logins}).Must(t).Object(t)["Token"].(string)
	params = append([]string{"RoleArn", role, "RoleSessionName", "web", "WebIdentityToken", token}, params...)
	given := n.STS(t, wire.Key{}, "", "AssumeRoleWithWebIdentity", params...).Must(t)
	key = wire.Key{Secret: given.Element("SecretAccessKey"), Caller: wire.Caller{AccessKeyID: given.Element("AccessKeyId")}}
	return key, given.Element("SessionToken")
}

// Presign signs a request without a body in its URL, as SDKs do for what others are to send; it is good for 15 minutes. It is
// written after the guide and not after the verifier.
func (n *Node) Presign(r *http.Request, key wire.Key, session, service string) {
	now := n.Clock.Now().UTC()
	day := now.Format("20060102")
	scope := day + "/" + Region + "/" + service + "/aws4_request"
	signed, headers := []string{"host"}, "host:"+r.URL.Host+"\n"
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		signed = []string{"content-type", "host", "x-amz-target"}
		headers = "content-type:" + r.Header.Get("Content-Type") + "\n" + headers + "x-amz-target:" + target + "\n"
	}
	query := r.URL.Query()
	for name, value := range map[string]string{
		"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": key.Caller.AccessKeyID + "/" + scope, "X-Amz-Expires": "900",
		"X-Amz-Date": now.Format("20060102T150405Z"), "X-Amz-SignedHeaders": strings.Join(signed, ";"), "X-Amz-Security-Token": session,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	text := strings.ReplaceAll(query.Encode(), "+", "%20") // sorted by name
	empty := sha256.Sum256(nil)
	canonical := sha256.Sum256([]byte(strings.Join([]string{
		r.Method, "/", text, headers, strings.Join(signed, ";"), hex.EncodeToString(empty[:]),
	}, "\n")))
	sum := []byte("AWS4" + key.Secret)
	for _, part := range []string{
		day, Region, service, "aws4_request",
		"AWS4-HMAC-SHA256\n" + now.Format("20060102T150405Z") + "\n" + scope + "\n" + hex.EncodeToString(canonical[:]),
	} {
		mac := hmac.New(sha256.New, sum)
		mac.Write([]byte(part))
		sum = mac.Sum(nil)
	}
	r.URL.RawQuery = text + "&X-Amz-Signature=" + hex.EncodeToString(sum)
}

// PresignedQuery sends a GET with the parameters of a Query operation and the signature in its URL.
func (n *Node) PresignedQuery(t testing.TB, key wire.Key, session, service, version, action string, params ...string) *Reply {
	t.Helper()
	form := url.Values{"Action": {action}, "Version": {version}}
	for i := 0; i+1 < len(params); i += 2 {
		form.Set(params[i], params[i+1])
	}
	return n.presigned(t, http.MethodGet, "", form, key, session, service)
}

// PresignedJSON sends what botocore presigns in JSON 1.1: a POST without a body, with the members in its URL that are no lists
// and no maps.
func (n *Node) PresignedJSON(t testing.TB, key wire.Key, session, service, target string, in Object) *Reply {
	t.Helper()
	form := url.Values{}
	for name, value := range in {
		switch value.(type) {
		case string, bool, int:
			form.Set(name, fmt.Sprint(value))
		}
	}
	return n.presigned(t, http.MethodPost, target, form, key, session, service)
}

func (n *Node) presigned(t testing.TB, method, target string, form url.Values, key wire.Key, session, service string) *Reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, n.URL+"/?"+form.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if target != "" {
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", target)
	}
	n.Presign(r, key, session, service)
	return n.Do(t, r)
}

// Stored is all that the node's SQLite database holds, for tests that nothing has changed in it.
func (n *Node) Stored(t testing.TB) string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(n.data, "idpool.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var all strings.Builder
	for _, table := range texts(t, db, `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`) {
		columns := texts(t, db, `SELECT 'quote("' || name || '")' FROM pragma_table_info('`+table+`')`)
		for _, row := range texts(t, db, `SELECT `+strings.Join(columns, " || ',' || ")+` FROM "`+table+`" ORDER BY 1`) {
			fmt.Fprintln(&all, table, row)
		}
	}
	return all.String()
}

// texts is the one column of a query's rows.
func texts(t testing.TB, db *sql.DB, query string) (values []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return values
}
