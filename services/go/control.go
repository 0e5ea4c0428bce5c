package main

import (
	"context"
	"crypto/subtle"
	"strings"
)

// A control is the control endpoint: it answers to whoever holds the token (C25 to C28).
type control struct {
	token    string
	behaving *behaving
	client   *client
}

func (c *control) handle(ctx context.Context, r *request) (*answer, error) {
	body, err := r.readBody()
	if !c.isAuthorized(r) {
		denied := errorAnswer(401, "the bearer token is missing or wrong")
		denied.header = append(denied.header, field{"www-authenticate", "Bearer"})
		denied.last = err != nil
		return denied, nil
	}
	if err != nil {
		return nil, err
	}
	path, _, _ := strings.Cut(r.path, "?")
	switch path {
	case "/ready":
		return allow("GET", r, func() *answer { return jsonAnswer(200, map[string]bool{"ready": true}) }), nil
	case "/behaviour":
		return allow("PUT", r, func() *answer { return c.changeBehaviour(body) }), nil
	case "/call":
		return allow("POST", r, func() *answer { return c.call(ctx, body) }), nil
	default:
		return errorAnswer(404, "there are GET /ready, PUT /behaviour and POST /call"), nil
	}
}

func (c *control) isAuthorized(r *request) bool {
	given := r.header.first("authorization")
	return given != nil && subtle.ConstantTimeCompare([]byte(*given), []byte("Bearer "+c.token)) == 1
}

func allow(method string, r *request, route func() *answer) *answer {
	if r.method == method {
		return route()
	}
	denied := errorAnswer(405, r.path+" takes "+method)
	denied.header = append(denied.header, field{"allow", method})
	return denied
}

func (c *control) changeBehaviour(body []byte) *answer {
	var behaviour behaviour
	if err := read(body, "behaviour", &behaviour); err != nil {
		return errorAnswer(400, err.Error())
	}
	c.behaving.replace(&behaviour)
	return &answer{status: 204}
}

func (c *control) call(ctx context.Context, body []byte) *answer {
	var call call
	if err := read(body, "call", &call); err != nil {
		return errorAnswer(400, err.Error())
	}
	return jsonAnswer(200, c.client.call(ctx, &call, nil))
}
