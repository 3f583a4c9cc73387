using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Text.Json;

namespace Samovar.Runtime
{
    /// <summary>The context of an invocation behind AWS's interfaces, of whatever version of Amazon.Lambda.Core the
    /// function brings: they are known by the names of their members only.</summary>
    internal sealed class Views
    {
        private readonly Type context;
        private readonly object logger;

        internal Views(Type context, Log log)
        {
            this.context = context;
            PropertyInfo property = Property(context, "Logger");
            logger = property == null ? null : View.Make(property.PropertyType, new LoggerOf(log).Answer);
        }

        internal object Of(Invocation invocation)
        {
            DateTime deadline = DateTimeOffset.FromUnixTimeMilliseconds(invocation.DeadlineMs).UtcDateTime;
            Dictionary<string, object> known = new Dictionary<string, object>
            {
                { "AwsRequestId", invocation.Id },
                { "InvokedFunctionArn", invocation.Arn },
                { "TraceId", invocation.Trace },
                { "TenantId", invocation.Tenant },
                { "FunctionName", Environment.GetEnvironmentVariable("AWS_LAMBDA_FUNCTION_NAME") },
                { "FunctionVersion", Environment.GetEnvironmentVariable("AWS_LAMBDA_FUNCTION_VERSION") },
                { "LogGroupName", Environment.GetEnvironmentVariable("AWS_LAMBDA_LOG_GROUP_NAME") },
                { "LogStreamName", Environment.GetEnvironmentVariable("AWS_LAMBDA_LOG_STREAM_NAME") },
                { "MemoryLimitInMB", int.Parse(Environment.GetEnvironmentVariable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")) },
                { "ClientContext", Client(invocation.ClientContext) },
                { "Identity", Identity(invocation.Identity) },
                { "Logger", logger },
            };
            return View.Make(context, (method, arguments) =>
            {
                if (method.Name == "get_RemainingTime") return deadline - DateTime.UtcNow;
                object value;
                return known.TryGetValue(method.Name.Replace("get_", ""), out value) ? value : null;
            });
        }

        private object Client(string text)
        {
            PropertyInfo property = Property(context, "ClientContext");
            if (string.IsNullOrEmpty(text) || property == null) return null;
            JsonElement told = JsonDocument.Parse(text).RootElement;
            PropertyInfo client = Property(property.PropertyType, "Client");
            Dictionary<string, object> known = new Dictionary<string, object>
            {
                { "Environment", Pairs(told, "env") },
                { "Custom", Pairs(told, "custom") },
            };
            JsonElement application;
            if (client != null && told.TryGetProperty("client", out application))
            {
                Dictionary<string, string> named = Pairs(told, "client");
                known["Client"] = View.Make(client.PropertyType, (method, arguments) =>
                    named.FirstOrDefault(pair => Same(pair.Key, method.Name)).Value);
            }
            return View.Make(property.PropertyType, (method, arguments) =>
            {
                object value;
                return known.TryGetValue(method.Name.Replace("get_", ""), out value) ? value : null;
            });
        }

        private object Identity(string text)
        {
            PropertyInfo property = Property(context, "Identity");
            if (property == null) return null;
            JsonElement told = JsonDocument.Parse(string.IsNullOrEmpty(text) ? "{}" : text).RootElement;
            Dictionary<string, string> named = new Dictionary<string, string>();
            foreach (JsonProperty each in told.EnumerateObject())
            {
                named[each.Name.Replace("cognito", "").Replace("Cognito", "")] = each.Value.ToString();
            }
            return View.Make(property.PropertyType, (method, arguments) =>
                named.FirstOrDefault(pair => Same(pair.Key, method.Name)).Value);
        }

        /// <summary>Mobile SDKs write app_package_name and installation_id, or as the members are named.</summary>
        private static bool Same(string key, string method)
        {
            return key.Replace("_", "").Equals(method.Replace("get_", ""), StringComparison.OrdinalIgnoreCase);
        }

        private static Dictionary<string, string> Pairs(JsonElement told, string name)
        {
            Dictionary<string, string> pairs = new Dictionary<string, string>();
            JsonElement found;
            if (told.TryGetProperty(name, out found) && found.ValueKind == JsonValueKind.Object)
            {
                foreach (JsonProperty each in found.EnumerateObject()) pairs[each.Name] = each.Value.ToString();
            }
            return pairs;
        }

        private static PropertyInfo Property(Type type, string name)
        {
            return new[] { type }.Concat(type.GetInterfaces()).Select(each => each.GetProperty(name))
                .FirstOrDefault(each => each != null);
        }
    }

    /// <summary>ILambdaLogger: Log and LogLine, a method for each level, and Log with a level.</summary>
    internal sealed class LoggerOf
    {
        private readonly Log log;

        internal LoggerOf(Log log)
        {
            this.log = log;
        }

        internal object Answer(MethodInfo method, object[] arguments)
        {
            List<object> rest = (arguments ?? new object[0]).ToList();
            string level = "Information";
            if (method.Name.StartsWith("Log") && method.Name != "Log" && method.Name != "LogLine")
            {
                level = method.Name.Substring(3);
            }
            else if (method.Name == "Log" && rest.Count > 1)
            {
                level = Convert.ToString(rest[0]);
                rest.RemoveAt(0);
            }
            Exception thrown = rest.FirstOrDefault() as Exception;
            if (thrown != null) rest.RemoveAt(0);
            string message = Convert.ToString(rest.FirstOrDefault());
            log.Write(level, message, rest.Skip(1).FirstOrDefault() as object[], thrown);
            return null;
        }
    }

    /// <summary>Something behind an interface that isn't known before.</summary>
    public class View : DispatchProxy
    {
        private Func<MethodInfo, object[], object> answer;

        internal static object Make(Type type, Func<MethodInfo, object[], object> answer)
        {
            MethodInfo create = typeof(DispatchProxy).GetMethods().First(
                each => each.Name == "Create" && each.IsGenericMethodDefinition);
            object made = create.MakeGenericMethod(type, typeof(View)).Invoke(null, null);
            ((View)made).answer = answer;
            return made;
        }

        protected override object Invoke(MethodInfo method, object[] arguments)
        {
            object value = answer(method, arguments);
            Type type = method.ReturnType;
            return value == null && type.IsValueType && type != typeof(void) ? Activator.CreateInstance(type) : value;
        }
    }
}
