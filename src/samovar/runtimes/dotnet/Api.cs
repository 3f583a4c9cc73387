using System;
using System.Collections.Generic;
using System.IO;
using System.Net.Sockets;
using System.Text;

namespace Samovar.Runtime
{
    internal sealed class Invocation
    {
        internal string Id, Arn, Trace, ClientContext, Identity, Tenant;
        internal long DeadlineMs;
        internal byte[] Event;
    }

    /// <summary>The Runtime API over one plain connection: a function's own HTTP settings don't touch it.</summary>
    internal sealed class Api
    {
        private const string Base = "/2018-06-01/runtime";

        private readonly string address;
        private Stream output, input;

        internal Api(string address)
        {
            this.address = address;
        }

        private sealed class Answer
        {
            internal int Status;
            internal readonly Dictionary<string, string> Headers =
                new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            internal byte[] Body;

            internal string Header(string name)
            {
                string text;
                return Headers.TryGetValue("Lambda-Runtime-" + name, out text) ? text : null;
            }
        }

        internal Invocation Next()
        {
            Answer answer = Ask("GET", "/invocation/next", new byte[0], "");
            if (answer.Status != 200) throw new IOException("next was answered " + answer.Status);
            return new Invocation
            {
                Id = answer.Header("Aws-Request-Id"),
                Arn = answer.Header("Invoked-Function-Arn"),
                Trace = answer.Header("Trace-Id"),
                ClientContext = answer.Header("Client-Context"),
                Identity = answer.Header("Cognito-Identity"),
                Tenant = answer.Header("Aws-Tenant-Id"),
                DeadlineMs = long.Parse(answer.Header("Deadline-Ms")),
                Event = answer.Body,
            };
        }

        /// <summary>It has initialised and may be snapshot; returns when it goes on.</summary>
        internal void Restored()
        {
            Ask("GET", "/restore/next", new byte[0], "");
        }

        /// <summary>Tell something; `errorType` is null for a response. What the platform doesn't take it has answered
        /// for.</summary>
        internal void Post(string path, byte[] body, string errorType)
        {
            string headers = "Content-Type: application/json\r\nContent-Length: " + body.Length + "\r\n";
            if (errorType != null) headers += "Lambda-Runtime-Function-Error-Type: " + errorType + "\r\n";
            Ask("POST", path, body, headers);
        }

        private Answer Ask(string method, string path, byte[] body, string headers)
        {
            string head = method + " " + Base + path + " HTTP/1.1\r\nHost: " + address + "\r\n" + headers + "\r\n";
            byte[] request = new byte[head.Length + body.Length];
            Encoding.ASCII.GetBytes(head, 0, head.Length, request, 0);
            body.CopyTo(request, head.Length);
            bool fresh = output == null;
            try
            {
                return Exchange(request);
            }
            catch (IOException)
            {
                output = null;
                if (fresh) throw;
                return Exchange(request);
            }
        }

        private Answer Exchange(byte[] request)
        {
            if (output == null)
            {
                int colon = address.LastIndexOf(':');
                TcpClient client = new TcpClient(address.Substring(0, colon), int.Parse(address.Substring(colon + 1)));
                client.NoDelay = true;
                output = client.GetStream();
                input = new BufferedStream(output, 65536);
            }
            output.Write(request, 0, request.Length);
            Answer answer = new Answer { Status = int.Parse(Line().Split(' ')[1]) };
            for (string line = Line(); line.Length > 0; line = Line())
            {
                int colon = line.IndexOf(':');
                answer.Headers[line.Substring(0, colon)] = line.Substring(colon + 1).Trim();
            }
            string length;
            answer.Body = new byte[answer.Headers.TryGetValue("Content-Length", out length) ? int.Parse(length) : 0];
            for (int at = 0; at < answer.Body.Length;)
            {
                int count = input.Read(answer.Body, at, answer.Body.Length - at);
                if (count <= 0) throw new EndOfStreamException();
                at += count;
            }
            return answer;
        }

        private string Line()
        {
            MemoryStream bytes = new MemoryStream();
            for (int next = input.ReadByte(); next != '\n'; next = input.ReadByte())
            {
                if (next < 0) throw new EndOfStreamException();
                if (next != '\r') bytes.WriteByte((byte)next);
            }
            return Encoding.UTF8.GetString(bytes.ToArray());
        }
    }
}
