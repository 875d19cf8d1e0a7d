// Package guardhousetest makes contexts for a plugin's unit tests, which run natively, without a host:
//
//	ctx := guardhousetest.Tool("transfer").Scopes("pay").Argument("amount", 250).Context()
package guardhousetest

import (
	guardhouse "guardhouse.dev/sdk"
	"guardhouse.dev/sdk/internal/hook"
)

// Builder makes a context.
//
// By default there are no token, no tags and no arguments, details and attributes are empty, and the time is
// 0. The methods that set a property of the token create one, with empty claims.
type Builder struct {
	ctx       guardhouse.AuthContext
	documents hook.Documents
}

// Tool starts a call of the tool name. The action is tools/call.
func Tool(name string) *Builder { return Component("tool", name).Action("tools/call") }

// Resource starts a read of the resource name at uri. The action is resources/read.
func Resource(name, uri string) *Builder {
	return Component("resource", name).URI(uri).Action("resources/read")
}

// Prompt starts a use of the prompt name. The action is prompts/get.
func Prompt(name string) *Builder { return Component("prompt", name).Action("prompts/get") }

// Component starts an access to a component of any kind. The action is empty.
func Component(kind, name string) *Builder {
	return &Builder{
		ctx:       guardhouse.AuthContext{Component: guardhouse.Component{Kind: kind, Name: name}},
		documents: hook.Documents{Details: map[string]any{}, Attributes: map[string]any{}},
	}
}

// Context returns the finished context.
func (builder *Builder) Context() *guardhouse.AuthContext {
	ctx, documents := builder.ctx, builder.documents
	hook.WithDocuments(&ctx, &documents)
	return &ctx
}

// Action sets the action on the component.
func (builder *Builder) Action(action string) *Builder {
	builder.ctx.Action = action
	return builder
}

// Now sets the time, in seconds since the Unix epoch.
func (builder *Builder) Now(now int64) *Builder {
	builder.ctx.Now = now
	return builder
}

// URI sets the component's URI.
func (builder *Builder) URI(uri string) *Builder {
	builder.ctx.Component.URI = &uri
	return builder
}

// Version sets the component's version.
func (builder *Builder) Version(version string) *Builder {
	builder.ctx.Component.Version = &version
	return builder
}

// Tags sets the component's tags.
func (builder *Builder) Tags(tags ...string) *Builder {
	builder.ctx.Component.Tags = tags
	return builder
}

// Detail sets one detail of the component.
func (builder *Builder) Detail(name string, value any) *Builder {
	insert(&builder.documents.Details, name, value)
	return builder
}

// Details sets all details of the component.
func (builder *Builder) Details(details any) *Builder {
	builder.documents.Details = details
	return builder
}

// Argument sets one argument of the call.
func (builder *Builder) Argument(name string, value any) *Builder {
	insert(&builder.documents.Arguments, name, value)
	return builder
}

// Arguments sets all arguments of the call.
func (builder *Builder) Arguments(arguments any) *Builder {
	builder.documents.Arguments = arguments
	return builder
}

// Attribute sets one attribute of the request.
func (builder *Builder) Attribute(name string, value any) *Builder {
	insert(&builder.documents.Attributes, name, value)
	return builder
}

// Attributes sets all attributes of the request.
func (builder *Builder) Attributes(attributes any) *Builder {
	builder.documents.Attributes = attributes
	return builder
}

// insert adds a member to a document, and replaces a document that is not an object.
func insert(document *any, name string, value any) {
	members := map[string]any{name: value}
	if present, ok := (*document).(map[string]any); ok {
		for key, kept := range present {
			if key != name {
				members[key] = kept
			}
		}
	}
	*document = members
}
