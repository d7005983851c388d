package audit

import (
	"bytes"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"time"
)

// Call is what an event is made of.
type Call struct {
	Time      time.Time // of the reply
	Service   string    // as signatures name it: cognito-identity, iam, sts, idpool
	Operation string
	RequestID string // as x-amzn-RequestId has it
	Remote    string // the client's address, with or without a port; empty or "@" for a Unix socket
	UserAgent string
	Caller    *Caller // nil: nobody signed
	Pool      string  // ARN of the pool that the call was about, where its caller and input do not say; or empty
	Code      string  // of the error; empty for success
	Message   string  // of the error
	Cause     string  // of the error, as the client was not told
	// Request and Response have members in lowerCamelCase, and trees of strings, float64, bool, []any, map[string]any and
	// time.Time below them. What the input's shapes call sensitive stands as Hidden in Request; Response is as it was
	// answered.
	Request, Response map[string]any
}

// Caller is who signed.
type Caller struct {
	Account     string // 12 digits
	Region      string // of the credential scope
	AccessKeyID string
	ARN         string
	UserID      string // as GetCallerIdentity shows it
	Root        bool
}

// event is a line. The order is CloudTrail's.
type event struct {
	Version      string         `json:"eventVersion"`
	UserIdentity userIdentity   `json:"userIdentity"`
	Time         string         `json:"eventTime"`
	Source       string         `json:"eventSource"`
	Name         string         `json:"eventName"`
	Region       string         `json:"awsRegion,omitempty"`
	SourceIP     string         `json:"sourceIPAddress"`
	UserAgent    string         `json:"userAgent"`
	ErrorCode    string         `json:"errorCode,omitempty"`
	ErrorMessage string         `json:"errorMessage,omitempty"`
	Request      map[string]any `json:"requestParameters"`
	Response     map[string]any `json:"responseElements"`
	Additional   *additional    `json:"additionalEventData,omitempty"`
	RequestID    string         `json:"requestID"`
	ID           string         `json:"eventID"`
	ReadOnly     bool           `json:"readOnly"`
	Resources    []resource     `json:"resources,omitempty"`
	Type         string         `json:"eventType"`
	Management   bool           `json:"managementEvent"`
	Recipient    string         `json:"recipientAccountId,omitempty"`
	Category     string         `json:"eventCategory"`
}

type additional struct {
	Cause string `json:"cause"`
}

type resource struct {
	Account string `json:"accountId"`
	Type    string `json:"type"`
	ARN     string `json:"ARN"`
}

// Bounds in bytes. Strangers choose these texts, and CloudTrail bounds the first two likewise.
const (
	maxUserAgent = 1024
	maxMessage   = 1024
	maxCause     = 4096
)

// dataEvents are the operations on what is in a pool; every other is one of management.
var dataEvents = []string{
	"GetId", "GetOpenIdToken", "GetCredentialsForIdentity", "GetOpenIdTokenForDeveloperIdentity", "UnlinkIdentity",
}

func newEvent(c *Call, id string) *event {
	data := c.Service == "cognito-identity" && slices.Contains(dataEvents, c.Operation)
	e := &event{
		Version: "1.08", UserIdentity: c.identity(), Time: c.Time.UTC().Format("2006-01-02T15:04:05Z"),
		Source: source(c.Service), Name: c.Operation, Region: c.region(), SourceIP: address(c.Remote),
		UserAgent: cut(c.UserAgent, maxUserAgent), ErrorCode: c.Code, ErrorMessage: cut(withoutApps(c.Message), maxMessage),
		Request: hide(c.Request), RequestID: c.RequestID, ID: id,
		ReadOnly: !data && readsOnly(c.Operation), Type: "AwsApiCall", Management: !data, Recipient: c.recipient(), Category: "Management",
	}
	if c.Cause != "" && c.Cause != c.Message {
		e.Additional = &additional{cut(c.Cause, maxCause)}
	}
	if data {
		e.Category, e.Resources = "Data", c.resources()
	}
	// Of AssumeRole* CloudTrail shows both: that nothing was changed, and which credentials were given.
	if c.Code == "" && (!e.ReadOnly || strings.HasPrefix(c.Operation, "AssumeRole")) {
		e.Response = withoutSecrets(c.Response)
	}
	return e
}

// readsOnly goes by the name, as the naming of AWS's operations lets one.
func readsOnly(operation string) bool {
	return slices.ContainsFunc([]string{"Get", "List", "Describe", "Lookup", "Simulate", "Explain", "AssumeRole"}, func(verb string) bool {
		return strings.HasPrefix(operation, verb)
	})
}

func source(service string) string {
	if service == "idpool" {
		return service // no name of Amazon's
	}
	return service + ".amazonaws.com"
}

func address(remote string) string {
	if remote == "" || remote == "@" {
		return "unix"
	}
	if host, _, err := net.SplitHostPort(remote); err == nil {
		return host
	}
	return remote
}

// region is that of the signature, of the pool, or of what an unsigned call asked for. It is not known of a token of STS
// that was refused.
func (c *Call) region() string {
	if c.Caller != nil {
		return c.Caller.Region
	}
	if region := arnField(c.Pool, 3); region != "" {
		return region
	}
	ids := []any{c.Request["identityPoolId"], c.Request["identityId"]}
	if c.Response["provider"] == "cognito-identity.amazonaws.com" { // the audience of other providers' tokens is no pool
		ids = append(ids, c.Response["audience"])
	}
	for _, id := range ids {
		if text, ok := id.(string); ok {
			if region, _, ok := strings.Cut(text, ":"); ok {
				return region
			}
		}
	}
	return ""
}

// recipient is the account whose log this is.
func (c *Call) recipient() string {
	if c.Caller != nil {
		return c.Caller.Account
	}
	if account := arnField(c.Pool, 4); account != "" {
		return account
	}
	assumed, _ := c.Response["assumedRoleUser"].(map[string]any)
	arn, _ := assumed["arn"].(string)
	return arnField(arn, 4)
}

func (c *Call) resources() []resource {
	arn := c.Pool
	if pool, ok := c.Request["identityPoolId"].(string); ok && arn == "" && c.Caller != nil {
		arn = "arn:aws:cognito-identity:" + c.Caller.Region + ":" + c.Caller.Account + ":identitypool/" + pool
	}
	if arn == "" {
		return nil
	}
	return []resource{{Account: arnField(arn, 4), Type: "AWS::Cognito::IdentityPool", ARN: arn}}
}

// arnField is a field of arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE by its index; empty if there is none.
func arnField(arn string, i int) string {
	if fields := strings.SplitN(arn, ":", 6); len(fields) == 6 {
		return fields[i]
	}
	return ""
}

// cut takes the beginning of a text, to the last whole character.
func cut(text string, size int) string {
	if len(text) <= size {
		return text
	}
	return strings.ToValidUTF8(text[:size], "")
}

// encode is JSON on one line, with <, > and & as they are.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // trees of plain values always encode
	}
	return b.Bytes()
}
