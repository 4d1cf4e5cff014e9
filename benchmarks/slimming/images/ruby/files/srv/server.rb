# A web server whose pages require what they need when they are asked for.
require "webrick"

server = WEBrick::HTTPServer.new(BindAddress: "0.0.0.0", Port: 8000)

server.mount_proc("/") do |_request, response|
  require "erb"
  response.body = ERB.new("<p>hello from <%= RUBY_ENGINE %>\n").result
end

server.mount_proc("/list") do |_request, response|
  require "json"
  require "yaml"
  response.body = JSON.generate(YAML.load("[1, 2, 3]"))
end

server.mount_proc("/digest") do |_request, response|
  require "openssl"
  response.body = OpenSSL::Digest::SHA256.hexdigest("digest")
end

trap("INT") { server.shutdown }
server.start
