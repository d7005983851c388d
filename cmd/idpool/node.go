package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"idpool/iam"
	"idpool/server"
	"idpool/wire"
)

type accountsCommand struct {
	Add addAccountCommand `cmd:"" help:"Make another account and its root key."`
}

type addAccountCommand struct {
	ID       string `arg:"" help:"12 digits."`
	Data     string `default:"idpool-data" placeholder:"DIR" help:"Data directory of the running node (${default})."`
	Endpoint string `placeholder:"URL" help:"Ask this node instead, signed with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."`
}

// Run is idpool accounts add.
func (c *addAccountCommand) Run(ctx context.Context) error {
	if !iam.ValidAccount(c.ID) {
		return &server.UsageError{Message: c.ID + " is no account: an account has 12 digits"}
	}
	var out iam.CreateAccountOutput
	node := node{data: c.Data, endpoint: c.Endpoint}
	if err := node.call(ctx, "CreateAccount", iam.CreateAccountInput{AccountId: c.ID}, &out); err != nil {
		return err
	}
	_, err := fmt.Printf("[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", out.AccountId, out.AccessKeyId, out.SecretAccessKey)
	return err
}

// node is a running node as other commands reach it: by the socket in its data directory, or by a signed call.
type node struct {
	data     string
	endpoint string
}

const callTimeout = 30 * time.Second

func (n *node) call(ctx context.Context, operation string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	url, client := n.endpoint, http.DefaultClient
	if url == "" {
		url, client = "http://idpool/", n.socketClient()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "IdpoolAdmin."+operation)
	if n.endpoint != "" {
		key := wire.Key{Secret: os.Getenv("AWS_SECRET_ACCESS_KEY"), Caller: wire.Caller{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID")}}
		if key.Secret == "" || key.Caller.AccessKeyID == "" {
			return errors.New("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to the root key of the first account")
		}
		wire.Sign(r, body, key, "us-east-1", "idpool", time.Now())
	}
	reply, err := client.Do(r)
	if err != nil {
		hint := "is idpool serve running, with the same --data?"
		if n.endpoint != "" {
			hint = "is idpool serve running there?"
		}
		return fmt.Errorf("no node answers: %w; %s", err, hint)
	}
	defer func() { _ = reply.Body.Close() }()
	return readReply(reply, out)
}

func (n *node) socketClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(n.data, server.SocketName))
		},
	}}
}

func readReply(reply *http.Response, out any) error {
	body, err := io.ReadAll(io.LimitReader(reply.Body, wire.MaxBody))
	if err != nil {
		return err
	}
	if reply.StatusCode == http.StatusOK {
		return json.Unmarshal(body, out)
	}
	var refused struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(body, &refused); err != nil {
		return fmt.Errorf("the node answered %s", reply.Status)
	}
	return fmt.Errorf("%s: %s", refused.Type, refused.Message)
}
