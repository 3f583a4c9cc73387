#!/bin/sh
# Starts a .NET function, told by its handler: a program (Assembly), which speaks with the Runtime API itself, or a
# method of a class library (Assembly::Namespace.Type::Method), for which the client of this folder does.
task=$LAMBDA_TASK_ROOT
name=${_HANDLER%%::*}
if [ "$name" = "$_HANDLER" ]; then
  program=$task/${name%.dll}.dll
  if [ -f "$program" ]; then
    exec /var/lang/dotnet "$program"
  fi
  echo "Error: the executable assembly $program was not found."
  exit 104
fi
config=$task/$name.runtimeconfig.json
if [ ! -f "$config" ]; then
  set -- "$task"/*.runtimeconfig.json
  if [ $# -ne 1 ] || [ ! -f "$1" ]; then
    echo "Error: there is no $config. Build with <GenerateRuntimeConfigurationFiles>true</GenerateRuntimeConfigurationFiles>."
    exit 101
  fi
  config=$1
fi
exec /var/lang/dotnet exec --runtimeconfig "$config" /var/runtime/Samovar.Runtime.dll "$_HANDLER"
