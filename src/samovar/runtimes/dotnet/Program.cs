using System;
using System.Threading;

namespace Samovar.Runtime
{
    /// <summary>
    /// The managed .NET runtime for class libraries: a small client of the Runtime API (AWS's isn't in reach of every
    /// machine). Programs that bring AWS's own client don't need it.
    ///
    /// Owns: the order of initialisation, the loop, exit statuses. What users can see (handlers, context, errors, log
    /// lines) is AWS's: facts/lambda-runtime.md §3 and §8. Written in C# 7 for .NET Core 3.1 and later.
    /// </summary>
    public static class Program
    {
        /// <summary>Argument: the handler, Assembly::Namespace.Type::Method.</summary>
        public static int Main(string[] args)
        {
            Log log = new Log(Environment.GetEnvironmentVariable);
            Console.SetOut(new LogWriter(log, "Information"));
            Console.SetError(new LogWriter(log, "Error"));
            Api api = new Api(Environment.GetEnvironmentVariable("AWS_LAMBDA_RUNTIME_API"));
            Handler handler;
            try
            {
                handler = Handler.Find(args[0], Environment.GetEnvironmentVariable("LAMBDA_TASK_ROOT"), log);
            }
            catch (Exception thrown)
            {
                Fault fault = Fault.Of(thrown);
                log.Write("Critical", fault.Described);
                api.Post("/init/error", fault.Payload, fault.Type);
                return 1;
            }
            if (Environment.GetEnvironmentVariable("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start")
            {
                log.Write("Warning", "[SAMOVAR] Hooks of SnapshotRestore aren't run here");
                api.Restored();
            }
            while (true) Serve(api, handler, log);
        }

        private static void Serve(Api api, Handler handler, Log log)
        {
            Invocation invocation = api.Next();
            log.RequestId = invocation.Id;
            log.TraceId = invocation.Trace;
            Environment.SetEnvironmentVariable("_X_AMZN_TRACE_ID", invocation.Trace);
            try
            {
                byte[] answer = handler.Call(invocation);
                api.Post("/invocation/" + invocation.Id + "/response", answer, null);
            }
            catch (Exception thrown)
            {
                Fault fault = Fault.Of(thrown);
                log.Write("Error", fault.Described);
                api.Post("/invocation/" + invocation.Id + "/error", fault.Payload, fault.Type);
            }
        }
    }
}
