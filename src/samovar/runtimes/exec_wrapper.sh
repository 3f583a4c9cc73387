#!/bin/sh
# Starts a managed runtime through the function's AWS_LAMBDA_EXEC_WRAPPER; the arguments are the runtime's own command.
# The exit statuses are those of a shell that can't find or can't execute a program, as on AWS
# (facts/lambda-runtime.md §3, "exec wrapper not found").
if [ ! -f "$AWS_LAMBDA_EXEC_WRAPPER" ]; then
  echo "$AWS_LAMBDA_EXEC_WRAPPER: does not exist"
  exit 127
fi
if [ ! -x "$AWS_LAMBDA_EXEC_WRAPPER" ]; then
  echo "$AWS_LAMBDA_EXEC_WRAPPER: is not an executable"
  exit 126
fi
exec "$AWS_LAMBDA_EXEC_WRAPPER" "$@"
