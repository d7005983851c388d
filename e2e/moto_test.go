package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// motoFolder says which moto, and what it needs.
const motoFolder = "parts/moto"

var motoVersion = regexp.MustCompile(`(?m)^moto==(\S+)$`)

// motoPython finds a Python that has moto's server at the version of parts/moto, or makes one by Python's package index.
func motoPython(t testing.TB) string {
	t.Helper()
	requirements, err := os.ReadFile(filepath.Join(motoFolder, "requirements.txt"))
	if err != nil {
		t.Fatal(err)
	}
	version := motoVersion.FindSubmatch(requirements)
	if version == nil {
		t.Fatalf("%s names no version of moto", motoFolder)
	}
	has := fmt.Sprintf("from importlib.metadata import version as v; v('flask'); v('flask-cors'); v('joserfc'); assert v('moto') == '%s'", version[1])
	for _, program := range pythons {
		if exec.Command(program, "-c", has).Run() == nil {
			return program
		}
	}
	venv := cached(t, motoFolder, func() *exec.Cmd {
		return exec.Command("sh", "-ec", `"$0" -m venv --clear venv; venv/bin/python -m pip install -q --only-binary :all: -r requirements.txt`,
			pythonWithVenv(t))
	})
	// The scripts beside it name the folder that they were made in.
	return filepath.Join(venv, "venv", "bin", "python")
}

// pythonWithVenv finds a Python that makes others, or installs what Debian's lacks for it. Its caller holds installing.
func pythonWithVenv(t testing.TB) string {
	t.Helper()
	for attempt := range 2 {
		if attempt > 0 {
			aptGet(t, "Python's venv", "python3-venv")
		}
		for _, program := range pythons {
			if exec.Command(program, "-c", "import ensurepip, venv").Run() == nil {
				return program
			}
		}
	}
	t.Fatal("package python3-venv is installed, and yet no python3 has ensurepip")
	return ""
}

// moto is a server of user pools, with a real sign-in: its tokens are signed, and it forgets the access tokens of who signs
// out. It asks for signatures, and for the rights of who signs, as the original does.
type moto struct {
	*process
	python, recording string
	url, port         string // the same after a restart
	admin             aws.Credentials
}

func startMoto(t testing.TB) *moto {
	t.Helper()
	m := &moto{python: motoPython(t), recording: filepath.Join(t.TempDir(), "recording"), port: "0"}
	m.start(t)
	m.control(t, "seed?a=1", "") // the same calls again give the same ids
	m.admin = m.addKey(t, "admin", "*")
	m.control(t, "reset-auth", "0") // from here on it checks who calls, after so many calls
	return m
}

// restart starts moto again. It keeps everything in memory, so it is told again what it was told before.
func (m *moto) restart(t testing.TB) {
	t.Helper()
	m.kill()
	m.start(t)
	m.control(t, "recorder/replay-recording", "")
}

var motoAddress = regexp.MustCompile(`Running on (http://127\.0\.0\.1:(\d+))`)

func (m *moto) start(t testing.TB) {
	t.Helper()
	env := environ("MOTO_ENABLE_RECORDING=true", "MOTO_RECORDER_FILEPATH="+m.recording, "PYTHONUNBUFFERED=1", "NO_PROXY=127.0.0.1")
	m.process = start(t, "moto", env, m.python, "-m", "moto.server", "-H", "127.0.0.1", "-p", m.port)
	m.await(t, "it says where it is", func() bool {
		where := motoAddress.FindStringSubmatch(m.stderr.String())
		if where != nil {
			m.url, m.port = where[1], where[2]
		}
		return where != nil
	})
}

// control tells moto how to be.
func (m *moto) control(t testing.TB, what, body string) {
	t.Helper()
	reply, err := http.Post(m.url+"/moto-api/"+what, "text/plain", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		t.Fatalf("moto: %s: status %d", what, reply.StatusCode)
	}
}

// addKey makes somebody who may do something there, such as cognito-idp:AdminGetUser, and returns his key.
func (m *moto) addKey(t testing.TB, name, action string) aws.Credentials {
	t.Helper()
	caller := m.admin
	if caller.AccessKeyID == "" { // the first one
		caller = aws.Credentials{AccessKeyID: "anybody", SecretAccessKey: "anything"}
	}
	there := iam.NewFromConfig(aws.Config{Region: region, BaseEndpoint: &m.url, Credentials: static(caller)})
	if _, err := there.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}); err != nil {
		t.Fatal(err)
	}
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":%q,"Resource":"*"}]}`, action)
	_, err := there.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: &name, PolicyName: &name, PolicyDocument: &policy})
	if err != nil {
		t.Fatal(err)
	}
	out, err := there.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		t.Fatal(err)
	}
	return aws.Credentials{AccessKeyID: *out.AccessKey.AccessKeyId, SecretAccessKey: *out.AccessKey.SecretAccessKey}
}

// motoError is the code of an error of the user-pool API.
type motoError string

func (e motoError) Error() string { return string(e) }

// call calls the user-pool API, signed if there is a key. The SDK's client of that API would be a large part for few calls.
func (m *moto) call(ctx context.Context, key aws.Credentials, operation string, in input, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	if key.AccessKeyID != "" {
		sum := sha256.Sum256(body)
		if err := v4.NewSigner().SignHTTP(ctx, key, r, hex.EncodeToString(sum[:]), "cognito-idp", region, time.Now()); err != nil {
			return err
		}
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = reply.Body.Close() }()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		return err
	}
	if reply.StatusCode == http.StatusOK {
		return json.Unmarshal(text, out)
	}
	var refused struct {
		Code motoError `json:"__type"`
	}
	if err := json.Unmarshal(text, &refused); err != nil || refused.Code == "" {
		return fmt.Errorf("%s: status %d: %s", operation, reply.StatusCode, text)
	}
	return refused.Code
}

// must calls the user-pool API as its administrator.
func (m *moto) must(t testing.TB, operation string, in input, out any) {
	t.Helper()
	if err := m.call(t.Context(), m.admin, operation, in, out); err != nil {
		t.Fatalf("moto: %s: %v", operation, err)
	}
}

// userPool is one at moto.
type userPool struct {
	*moto
	id      string
	clients map[string]string // their ids, by name
}

// name is the user pool's name in Logins maps.
func (p *userPool) name() string { return "cognito-idp." + region + ".amazonaws.com/" + p.id }

func (p *userPool) login(token string) map[string]string { return map[string]string{p.name(): token} }

// addUserPool makes a user pool with applications.
func (m *moto) addUserPool(t testing.TB, name string, clients ...string) *userPool {
	t.Helper()
	var made struct {
		UserPool       struct{ ID string }
		UserPoolClient struct{ ClientID string }
	}
	m.must(t, "CreateUserPool", input{"PoolName": name}, &made)
	p := &userPool{moto: m, id: made.UserPool.ID, clients: make(map[string]string)}
	for _, client := range clients {
		m.must(t, "CreateUserPoolClient", input{
			"UserPoolId": p.id, "ClientName": client, "ExplicitAuthFlows": []string{"ALLOW_USER_PASSWORD_AUTH"},
		}, &made)
		p.clients[client] = made.UserPoolClient.ClientID
	}
	m.must(t, "CreateGroup", input{"UserPoolId": p.id, "GroupName": "admins"}, &made)
	return p
}

const userPassword = "Passw0rd!x"

// add makes a user, who is in the group admins.
func (p *userPool) add(t testing.TB, user string) {
	t.Helper()
	p.of(t, user, "AdminCreateUser", input{"MessageAction": "SUPPRESS"})
	p.of(t, user, "AdminSetUserPassword", input{"Password": userPassword, "Permanent": true})
	p.of(t, user, "AdminAddUserToGroup", input{"GroupName": "admins"})
}

// of has the administrator do something with a user.
func (p *userPool) of(t testing.TB, user, operation string, more ...input) {
	t.Helper()
	in := input{"UserPoolId": p.id, "Username": user}
	for _, m := range more {
		for name, value := range m {
			in[name] = value
		}
	}
	p.must(t, operation, in, new(any))
}

// tokens are what a sign-in gives.
type tokens struct {
	ID     string `json:"IdToken"`
	Access string `json:"AccessToken"`
}

// signIn signs a user in to an application by password.
func (p *userPool) signIn(t testing.TB, client, user string) tokens {
	t.Helper()
	var out struct{ AuthenticationResult tokens }
	err := p.call(t.Context(), aws.Credentials{}, "InitiateAuth", input{
		"ClientId": p.clients[client], "AuthFlow": "USER_PASSWORD_AUTH",
		"AuthParameters": input{"USERNAME": user, "PASSWORD": userPassword},
	}, &out)
	if err != nil || out.AuthenticationResult.ID == "" {
		t.Fatalf("%s cannot sign in: %v", user, err)
	}
	return out.AuthenticationResult
}

// readToken says whose a token is and since when it is good. Its signature is idpool's to verify.
func readToken(t testing.TB, token string) (subject string, issued time.Time) {
	t.Helper()
	claims, err := jwt.ParseInsecure([]byte(token))
	if err != nil {
		t.Fatal(err)
	}
	subject, _ = claims.Subject()
	issued, _ = claims.IssuedAt()
	return subject, issued
}
